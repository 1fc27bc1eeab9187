//! `GET /api/pronunciation/status`

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

/// What Azure is asked at once, by the whole fleet, where no live worker has announced another limit.
const MAX_CONCURRENT: u64 = 20;

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    status: PronunciationStatus,
}

/// The breaker of Azure and the queue of recordings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PronunciationStatus {
    circuit_breaker: Breaker,
    queue: Waiting,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PronunciationBreaker)]
struct Breaker {
    state: BreakerState,
    failures: u64,
    /// In ms since the Unix epoch.
    last_failure: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PronunciationQueue)]
struct Waiting {
    size: u64,
    processing: u64,
    /// Calls at once, of the whole fleet.
    max_concurrent: u64,
}

/// See pronunciation
#[utoipa::path(
    get,
    path = "/api/pronunciation/status",
    operation_id = "getPronunciationStatus",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "The breaker of Azure and the queue of recordings", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn pronunciation_status(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let monitoring = &state.monitoring;
    let (queue, breaker, limits) = patience::redis(async {
        tokio::try_join!(
            state.queue.figures(QueueName::Audio, LATELY),
            monitoring.breaker(Provider::Azure),
            monitoring.limits(Provider::Azure),
        )
    })
    .await?;
    let circuit_breaker =
        Breaker { state: breaker.state, failures: breaker.failures, last_failure: breaker.last_failure_at_ms };
    let queue = Waiting {
        size: queue.in_line(),
        processing: queue.active,
        max_concurrent: limits.in_force.get("concurrency").copied().unwrap_or(MAX_CONCURRENT),
    };
    Ok(told(Body { status: PronunciationStatus { circuit_breaker, queue } }))
}
