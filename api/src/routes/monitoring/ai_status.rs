//! `GET /api/ai/status`: open, since the app reads it.

use axum::extract::State;
use serde::Serialize;
use shared::{breaker::BreakerState, job::QueueName};
use utoipa::ToSchema;

use super::{Answer, LATELY, Told, told};
use crate::{
    error::ApiError,
    monitoring::Provider,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

const MINUTE_MS: u64 = 60_000;

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    status: AiStatus,
}

/// How busy the fleet is. A limit of 0 is none, or none that a live worker has announced.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AiStatus {
    /// Jobs that wait for a worker or for a time.
    queue_size: u64,
    is_processing: bool,
    /// Also while it probes.
    circuit_breaker_open: bool,
    requests_this_minute: u64,
    tokens_this_minute: u64,
    requests_per_minute: u64,
    tokens_per_minute: u64,
    /// Since the Unix epoch.
    current_minute: u64,
}

/// See how busy the fleet is
///
/// How much waits, and how much of the limits is used.
#[utoipa::path(
    get,
    path = "/api/ai/status",
    operation_id = "getAiStatus",
    tag = "Shipped apps",
    security(()),
    responses(
        (status = 200, description = "The whole fleet", body = inline(Told<Body>)),
        LegacyErrors<(cases::Redis,)>,
    ),
)]
pub(crate) async fn ai_status(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
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
    let status = AiStatus {
        queue_size: queue.in_line(),
        is_processing: queue.active > 0,
        circuit_breaker_open: breaker.state != BreakerState::Closed,
        requests_this_minute: usage.requests,
        tokens_this_minute: usage.tokens,
        requests_per_minute: limit("rpm"),
        tokens_per_minute: limit("tpm"),
        current_minute: usage.now_ms / MINUTE_MS,
    };
    Ok(told(Body { status }))
}
