//! Waiting for work without asking for it.

use std::time::Duration;

use redis::{RedisError, aio::MultiplexedConnection};

use crate::redis::RedisPool;

/// A blocked command is given up this long after it should have answered: the connection is dead then.
const GRACE: Duration = Duration::from_secs(2);
/// The shortest wait that is asked for: to `BZPOPMIN` no time at all means for ever. Redis 6.2 rounds down to whole milliseconds, and
/// takes 0.001 s for less than one.
const PATIENCE_MIN: Duration = Duration::from_millis(2);

/// Waits at the lanes' wake-up markers, on a connection of its own that exists only while it is needed.
#[derive(Debug)]
pub(super) struct Idle {
    redis: RedisPool,
    markers: Vec<String>,
    /// With the number of the shared connection at the time that it was made.
    connection: Option<(u64, MultiplexedConnection)>,
}

impl Idle {
    pub(super) const fn new(redis: RedisPool, markers: Vec<String>) -> Self {
        Self { redis, markers, connection: None }
    }

    /// Returns when there may be work, at the latest after `patience`. Where Redis is away it only waits.
    ///
    /// `BZPOPMIN` hands a marker to one waiting worker alone: a job wakes one worker and not a herd.
    pub(super) async fn wait(&mut self, patience: Duration) {
        let patience = patience.max(PATIENCE_MIN);
        // Before the connection is looked at, so that no replacement goes unseen: a server that is no longer the primary may live on,
        // and has no work.
        let replacement = self.redis.replacement();
        let waiting = tokio::time::timeout(patience + GRACE, self.wait_for_marker(patience));
        let blocked = tokio::select! {
            blocked = waiting => blocked,
            () = replacement => {
                self.connection = None;
                return;
            }
        };
        if matches!(blocked, Ok(Ok(()))) {
            return;
        }
        self.connection = None;
        tokio::time::sleep(patience).await;
    }

    async fn wait_for_marker(&mut self, patience: Duration) -> Result<(), RedisError> {
        let number = self.redis.connection_number();
        if self.connection.as_ref().is_none_or(|(made, _)| *made != number) {
            self.connection = Some((number, self.redis.blocking_connection().await?));
        }
        let Some((_, connection)) = &mut self.connection else { return Ok(()) };
        let mut pop = redis::Cmd::new();
        pop.arg("BZPOPMIN").arg(&self.markers).arg(patience.as_secs_f64());
        pop.query_async::<redis::Value>(connection).await.map(|_| ())
    }

    /// Puts markers back, since one may have been on its way here when the wait was given up.
    pub(super) async fn give_back_markers(&mut self) {
        self.connection = None;
        let mut mark = redis::pipe();
        for marker in &self.markers {
            mark.zadd(marker, "marker", 0).ignore();
        }
        if let Err(error) = self.redis.query::<()>(&mark).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "A wake-up marker could not be put back");
        }
    }
}
