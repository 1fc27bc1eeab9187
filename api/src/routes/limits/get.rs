//! `GET /api/v1/limits`

use axum::response::IntoResponse;
use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use shared::{api_keys::Scope, timestamp::rfc3339};

use crate::{error::ApiError, extract::ClientAddress, identity::Caller, request_limits::stand, state::AppState};

#[derive(Serialize)]
struct Limits {
    limits: Vec<Limit>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    /// What is counted, as `RateLimit-Policy` names it.
    name: &'static str,
    #[serde(rename = "limit")]
    most: u32,
    window_seconds: u64,
    remaining: u32,
    /// When there may be one request more than that.
    reset_at: String,
}

/// Where the caller's limits stand, all replicas together. One that is turned off is not there.
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Read)?;
    let standings = stand(&state, &caller.user()?, address).await?;
    let limits = standings.all().iter().map(|standing| Limit {
        name: standing.limit.name,
        most: standing.limit.most,
        window_seconds: standing.limit.window.as_secs(),
        remaining: standing.remaining,
        reset_at: rfc3339(standing.reset_at_ms),
    });
    Ok(Json(Limits { limits: limits.collect() }).into_response())
}
