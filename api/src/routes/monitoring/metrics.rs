//! `GET /api/metrics`

use axum::extract::State;
use serde::Serialize;
use shared::metrics::Figures;
use utoipa::ToSchema;

use super::{Answer, Told, percent, told};
use crate::{
    error::ApiError,
    monitoring::Provider,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    metrics: Metrics,
}

/// What the fleet has done since it began to count.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    /// Of clients: no health checks, no monitoring.
    requests: u64,
    /// Answers of 5xx.
    errors: u64,
    /// In ms; held requests included.
    avg_response_time: u64,
    /// In seconds, since the first request was counted.
    uptime: u64,
    /// In percent.
    error_rate: f64,
    requests_per_minute: u64,
    openai_requests: u64,
    openai_errors: u64,
    pronunciation_requests: u64,
    pronunciation_errors: u64,
}

/// See what the fleet has done
///
/// A process adds what it counted after 2 s.
#[utoipa::path(
    get,
    path = "/api/metrics",
    operation_id = "getMetrics",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "Since the fleet began to count", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let figures = patience::redis(state.monitoring.figures()).await?;
    Ok(told(Body { metrics: shown(&figures) }))
}

pub(super) fn shown(figures: &Figures) -> Metrics {
    let (requests, errors) = (figures.requests(), figures.errors());
    let (openai_requests, openai_errors) = figures.calls(Provider::Openai.as_str());
    let (pronunciation_requests, pronunciation_errors) = figures.calls(Provider::Azure.as_str());
    Metrics {
        requests,
        errors,
        avg_response_time: figures.latency_ms().checked_div(requests).unwrap_or_default(),
        uptime: figures.age_ms() / 1_000,
        error_rate: percent(errors, requests),
        requests_per_minute: figures.requests_per_minute(),
        openai_requests,
        openai_errors,
        pronunciation_requests,
        pronunciation_errors,
    }
}
