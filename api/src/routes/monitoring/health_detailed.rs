//! `GET /api/health/detailed`

use axum::extract::State;
use serde::Serialize;
use shared::{breaker::BreakerState, job::QueueName};
use utoipa::ToSchema;

use super::{
    Answer, LATELY, Told,
    circuit_breakers::{self, CircuitBreakers},
    metrics::{self, Metrics},
    queue_stats::{self, BothQueues},
    told,
};
use crate::{
    error::ApiError,
    monitoring::Provider,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    services: Services,
    /// `degraded` while a breaker is not closed or the kill switch is thrown.
    #[schema(pattern = "^(healthy|degraded)$", example = "healthy")]
    status: &'static str,
    /// Of this process, in seconds.
    uptime: u64,
    pid: u32,
}

/// The parts of the service.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Services {
    #[schema(example = "connected")]
    redis: &'static str,
    kill_switch: bool,
    circuit_breakers: CircuitBreakers,
    queues: BothQueues,
    metrics: Metrics,
}

/// See all parts at once
#[utoipa::path(
    get,
    path = "/api/health/detailed",
    operation_id = "getHealthDetailed",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "All parts", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn health_detailed(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let monitoring = &state.monitoring;
    let (ai, audio, openai, azure, budget, figures) = patience::redis(async {
        tokio::try_join!(
            state.queue.figures(QueueName::Ai, LATELY),
            state.queue.figures(QueueName::Audio, LATELY),
            monitoring.breaker(Provider::Openai),
            monitoring.breaker(Provider::Azure),
            monitoring.budget.status(None),
            monitoring.figures(),
        )
    })
    .await?;
    let closed = openai.state == BreakerState::Closed && azure.state == BreakerState::Closed;
    let killed = budget.kill_switch.is_some();
    let services = Services {
        redis: "connected",
        kill_switch: killed,
        circuit_breakers: circuit_breakers::all(&state).await?,
        queues: queue_stats::both(&ai, &audio),
        metrics: metrics::shown(&figures),
    };
    let status = if closed && !killed { "healthy" } else { "degraded" };
    Ok(told(Body { services, status, uptime: monitoring.started.elapsed().as_secs(), pid: std::process::id() }))
}
