//! `GET /api/metrics`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::metrics::Figures;

use super::{answer, percent};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// What the fleet has done since it began to count.
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let figures = patience::redis(state.monitoring.figures()).await?;
    Ok(answer("metrics", shown(&figures)))
}

/// `uptime` is in seconds, times are in ms, rates in percent.
pub(super) fn shown(figures: &Figures) -> Value {
    let (requests, errors) = (figures.requests(), figures.errors());
    let (openai, openai_errors) = figures.calls(Provider::Openai.as_str());
    let (azure, azure_errors) = figures.calls(Provider::Azure.as_str());
    json!({
        "requests": requests,
        "errors": errors,
        "avgResponseTime": figures.latency_ms().checked_div(requests).unwrap_or_default(),
        "uptime": figures.age_ms() / 1_000,
        "errorRate": percent(errors, requests),
        "requestsPerMinute": figures.requests_per_minute(),
        "openaiRequests": openai,
        "openaiErrors": openai_errors,
        "pronunciationRequests": azure,
        "pronunciationErrors": azure_errors,
    })
}
