//! Whether this process lives, and whether it is of use.

mod live;
mod ready;

use std::time::Duration;

use shared::redis::RedisPool;
use tokio::time::timeout;

pub(crate) use live::live;
pub(crate) use ready::ready;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(live::live, ready::ready))]
pub(crate) struct Document;

/// A health check is answered within 200 ms, whatever Redis does.
const PING_PATIENCE: Duration = Duration::from_millis(150);

async fn redis_answers(redis: &RedisPool) -> bool {
    matches!(timeout(PING_PATIENCE, redis.ping()).await, Ok(Ok(())))
}
