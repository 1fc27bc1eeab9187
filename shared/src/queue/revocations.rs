//! Hearing at once that a job in hand was ended by someone else.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio_util::sync::CancellationToken;

use super::renewer::Held;
use crate::redis::{Keys, RedisPool};

/// Pause before the subscription is made again. Meanwhile a renewal tells, later.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Ends the attempts whose jobs are cancelled, or past their deadline, until `stop`.
pub(super) async fn hear_revocations(
    redis: RedisPool,
    keys: Arc<Keys>,
    queue: Arc<str>,
    held: Arc<Held>,
    stop: CancellationToken,
) {
    let channel = keys.revoked(&queue);
    let hearing = async {
        loop {
            // Before the connection is made, so that no replacement goes unseen: a server that was demoted says nothing more.
            let replacement = redis.replacement();
            if let Ok(connection) = redis.subscriber().await {
                tokio::select! {
                    () = hear(connection, &channel, &held) => {}
                    () = replacement => {}
                }
            }
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    };
    stop.run_until_cancelled(hearing).await;
}

/// Hears until the connection is lost.
async fn hear(mut connection: PubSub, channel: &str, held: &Held) {
    if connection.subscribe(channel).await.is_err() {
        return;
    }
    let mut messages = connection.on_message();
    while let Some(message) = messages.next().await {
        if let Some(id) = str::from_utf8(message.get_payload_bytes()).ok().and_then(|id| id.parse().ok()) {
            held.revoke(id);
        }
    }
}
