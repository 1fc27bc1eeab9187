//! Bringing the shared connection back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::Rng;
use redis::{Cmd, RedisError, aio::ConnectionManager};

/// Pause between two attempts to connect, at most.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Connects again in the background as soon as a command has failed.
///
/// A [`ConnectionManager`] connects only when a command asks for it and answers that command with the last attempt's
/// error. Left alone, the first command after an outage would fail however long Redis has been back.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    runs: AtomicBool,
}

impl Recovery {
    /// Begins, unless it runs already or `error` says nothing about the connection. It ends when Redis answers, or when
    /// nobody uses the connection any more.
    pub(super) fn begin(self: &Arc<Self>, error: &RedisError, mut connection: ConnectionManager) {
        let lost = error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error();
        if !lost || self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let recovery = Arc::downgrade(self);
        #[expect(clippy::disallowed_methods, reason = "ends by itself; a stop need not wait for a connection attempt")]
        tokio::spawn(async move {
            loop {
                let pause = PAUSE_MAX.mul_f64(rand::rng().random_range(0.5..1.0));
                tokio::time::sleep(pause).await;
                let answered = Cmd::new().arg("PING").exec_async(&mut connection).await.is_ok();
                let Some(recovery) = recovery.upgrade() else { return };
                if answered {
                    recovery.runs.store(false, Ordering::Release);
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use crate::testing::TestRedis;

    #[tokio::test]
    async fn the_first_command_after_an_outage_is_answered() {
        let mut redis = TestRedis::start().await.unwrap();
        let pool = redis.pool();
        pool.ping().await.unwrap();
        redis.kill().await.unwrap();
        for _ in 0..3 {
            pool.ping().await.unwrap_err();
        }
        redis.start_again().await.unwrap();
        // Another connection watches until the pool has come back by itself.
        let watcher = redis.pool();
        let mut info = redis::pipe();
        info.cmd("INFO").arg("clients");
        while !watcher.query::<(String,)>(&info).await.unwrap().0.contains("connected_clients:2\r\n") {}
        pool.ping().await.unwrap();
    }
}
