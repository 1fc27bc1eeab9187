//! `GET /api/v1/scaling`

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    fleet::ServiceLook,
    job::QueueName,
    redis::millis,
    scaling::{Advice, Bounds, advise},
};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    openapi::{Problems, cases},
    patience,
    state::AppState,
};

/// How many replicas of each service are needed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Scaling {
    services: Vec<Advised>,
    /// What the advice about workers comes from.
    queues: Vec<QueueFigures>,
}

/// How many replicas of a service are needed.
#[derive(Serialize, ToSchema)]
struct Advised {
    #[serde(flatten)]
    advice: Advice,
    /// The line that does it on Railway.
    #[schema(example = "railway scale --service flashcard-worker eu-west=2")]
    command: String,
}

/// A queue and its workers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScalingFigures)]
struct QueueFigures {
    queue: QueueNameShown,
    /// Jobs in line for a worker.
    waiting: u64,
    /// How long the oldest of those that are next has waited.
    oldest_ms: u64,
    active: u64,
    ended_last_minute: u64,
    live_workers: usize,
    slots: u64,
    busy_slots: u64,
    /// How long a call takes; `null` before the first has ended.
    call_ms: Option<u64>,
    /// What of the window is used now.
    requests_used: u64,
    tokens_used: u64,
    /// The limits in force; `null` is none, or none that a live worker has announced.
    requests_limit: Option<u64>,
    tokens_limit: Option<u64>,
    concurrency_limit: Option<u64>,
}

/// A queue by its name.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = QueueName)]
struct QueueNameShown(&'static str);

impl From<&ServiceLook> for QueueFigures {
    fn from(service: &ServiceLook) -> Self {
        let (slots, busy_slots) = service.slots();
        Self {
            queue: QueueNameShown(service.queue.as_str()),
            waiting: service.line.waiting(),
            oldest_ms: millis(service.line.oldest()),
            active: service.line.active,
            ended_last_minute: service.line.ended_last_minute,
            live_workers: service.workers.len(),
            slots,
            busy_slots,
            call_ms: service.call_time.map(millis),
            requests_used: service.usage.requests,
            tokens_used: service.usage.tokens,
            requests_limit: service.limit("rpm"),
            tokens_limit: service.limit("tpm"),
            concurrency_limit: service.limit("concurrency"),
        }
    }
}

/// See how many replicas are needed
///
/// By how long jobs wait, what the limits of the upstream can feed, and processors. Where a limit is what is short, more workers do
/// not help: then `limit` names it.
#[utoipa::path(
    get,
    path = "/api/v1/scaling",
    operation_id = "getScaling",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "Advice for each service", body = Scaling),
        Problems<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn scaling(State(state): State<AppState>) -> Result<Json<Scaling>, ApiError> {
    let look = patience::redis(Box::pin(state.monitoring.fleet.look())).await?;
    let region = &state.config.replica_region;
    let advised = advise(&look, &Bounds::default()).map(|advice| Advised { command: advice.railway(region), advice });
    Ok(Json(Scaling { services: advised.into(), queues: look.services.iter().map(QueueFigures::from).collect() }))
}
