//! `GET /api/pronunciation/status`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::job::QueueName;

use super::{LATELY, answer};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// What Azure is asked at once, by the whole fleet, where no live worker has announced another limit.
const MAX_CONCURRENT: u64 = 20;

/// The breaker of Azure and the queue of recordings.
pub(crate) async fn pronunciation_status(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let monitoring = &state.monitoring;
    let (queue, breaker, limits) = patience::redis(async {
        tokio::try_join!(
            state.queue.figures(QueueName::Audio, LATELY),
            monitoring.breaker(Provider::Azure),
            monitoring.limits(Provider::Azure),
        )
    })
    .await?;
    let status = json!({
        "circuitBreaker": {
            "state": breaker.state,
            "failures": breaker.failures,
            "lastFailure": breaker.last_failure_at_ms,
        },
        "queue": {
            "size": queue.in_line(),
            "processing": queue.active,
            "maxConcurrent": limits.in_force.get("concurrency").copied().unwrap_or(MAX_CONCURRENT),
        },
    });
    Ok(answer("status", status))
}
