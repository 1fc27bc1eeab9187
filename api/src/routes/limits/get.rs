//! `GET /api/v1/limits`

use axum::response::IntoResponse;
use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use shared::{api_keys::Scope, timestamp::rfc3339};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::ClientAddress,
    identity::Caller,
    openapi::{Problems, cases},
    request_limits::stand,
    state::AppState,
};

/// The limits that the caller has.
#[derive(Serialize, ToSchema)]
struct Limits {
    limits: Vec<Limit>,
}

/// Where a limit stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Limit {
    /// What is counted, as `RateLimit-Policy` names it.
    #[schema(example = "user-ai")]
    name: &'static str,
    /// Most requests in a window.
    #[serde(rename = "limit")]
    most: u32,
    window_seconds: u64,
    /// How many more there may be now.
    remaining: u32,
    /// When there may be one request more than that.
    #[schema(format = DateTime)]
    reset_at: String,
}

/// See where one's limits stand
///
/// All replicas together. A limit that is turned off is not there.
#[utoipa::path(
    get,
    path = "/api/v1/limits",
    operation_id = "getLimits",
    tag = "Limits",
    security(("token" = [])),
    responses(
        (status = 200, description = "The limits of the user, and of the address", body = Limits),
        Problems<(cases::Identity, cases::Named, cases::Limited, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Read)?;
    let standings = stand(&state, &caller.user()?, caller.limited_address(address)).await?;
    let limits = standings.all().iter().map(|standing| Limit {
        name: standing.limit.name,
        most: standing.limit.most,
        window_seconds: standing.limit.window.as_secs(),
        remaining: standing.remaining,
        reset_at: rfc3339(standing.reset_at_ms),
    });
    Ok(Json(Limits { limits: limits.collect() }).into_response())
}
