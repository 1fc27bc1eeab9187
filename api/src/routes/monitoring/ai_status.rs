//! `GET /api/ai/status`: open, since the app reads it.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::{breaker::BreakerState, job::QueueName};

use super::{LATELY, answer};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

const MINUTE_MS: u64 = 60_000;

/// How much waits, and how much of the limits is used. A limit of 0 is none, or none that a live worker has announced.
pub(crate) async fn ai_status(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let monitoring = &state.monitoring;
    let (queue, breaker, limits, usage) = patience::redis(async {
        tokio::try_join!(
            state.queue.figures(QueueName::Ai, LATELY),
            monitoring.breaker(Provider::Openai),
            monitoring.limits(Provider::Openai),
            monitoring.usage(Provider::Openai),
        )
    })
    .await?;
    let limit = |name: &str| limits.in_force.get(name).copied().unwrap_or_default();
    let status = json!({
        "queueSize": queue.in_line(),
        "isProcessing": queue.active > 0,
        "circuitBreakerOpen": breaker.state != BreakerState::Closed,
        "requestsThisMinute": usage.requests,
        "tokensThisMinute": usage.tokens,
        "requestsPerMinute": limit("rpm"),
        "tokensPerMinute": limit("tpm"),
        "currentMinute": usage.now_ms / MINUTE_MS,
    });
    Ok(answer("status", status))
}
