//! What no error says: Sentinel names another primary, and which nodes a cluster has.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::{Cmd, ErrorKind, RedisError, RedisResult, Value};

use super::{Recovery, Shared};
use crate::redis::trouble::Trouble;

/// How often Sentinels are asked: an old primary that was cut off from them still takes writes, which will be lost.
const ASK_SENTINELS_EVERY: Duration = Duration::from_secs(1);
/// How often the nodes of a cluster are asked for, beside each time that another one is connected to.
const ASK_NODES_EVERY: Duration = Duration::from_secs(30);
/// Pause after a question that was not answered.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Recovery {
    /// Watches until nobody uses the connection any more. On a Redis that is no cluster, and without Sentinels, it asks once.
    pub(super) fn watch(self: &Arc<Self>) {
        let (recovery, mut replaced) = (Arc::downgrade(self), self.replaced());
        let has_sentinels = self.node.has_sentinels();
        #[expect(clippy::disallowed_methods, reason = "ends with the pool; a stop need not wait for a question")]
        tokio::spawn(async move {
            let mut pause = ASK_SENTINELS_EVERY;
            loop {
                if has_sentinels {
                    tokio::time::sleep(pause).await;
                    let Some(recovery) = recovery.upgrade() else { return };
                    recovery.ask_sentinels().await;
                    continue;
                }
                replaced.mark_unchanged();
                let asked = match recovery.upgrade() {
                    Some(recovery) => recovery.ask_for_nodes().await,
                    None => return,
                };
                pause = match asked {
                    Ok(true) => ASK_NODES_EVERY,
                    Ok(false) => return,
                    Err(_) => ASK_AGAIN_AFTER,
                };
                if matches!(tokio::time::timeout(pause, replaced.changed()).await, Ok(Err(_))) {
                    return;
                }
            }
        });
    }

    async fn ask_sentinels(self: &Arc<Self>) {
        let number = self.current().number;
        // Whoever replaces the connection asks by himself.
        if !self.runs.load(Ordering::Acquire) && self.node.is_replaced().await {
            let error = RedisError::from((ErrorKind::Io, "the server in use is no longer the primary"));
            self.recover(Some((Trouble::Replaced, &error)), number);
        }
    }

    /// Whether this is a cluster whose nodes are worth while asking for again.
    async fn ask_for_nodes(self: &Arc<Self>) -> RedisResult<bool> {
        let Shared { mut connection, .. } = self.current();
        let mut slots = Cmd::new();
        slots.arg(&["CLUSTER", "SLOTS"]);
        match slots.query_async::<Value>(&mut connection).await {
            Ok(slots) => Ok(self.node.learn(&slots) > 0),
            // No cluster, or the user may not ask: then `MOVED` and `REDIS_URL` are all there is.
            Err(error) if Trouble::of(&error).is_none_or(|trouble| trouble == Trouble::Forbidden) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
