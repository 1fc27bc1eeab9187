//! `GET /api/ready`

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::redis_answers;
use crate::{
    error::ApiError,
    openapi::{Problems, cases::Redis},
    state::AppState,
};

/// For load balancers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
}

/// Ask whether requests should come here
///
/// 503 while Redis is away and once the process drains.
#[utoipa::path(
    get,
    path = "/api/ready",
    operation_id = "getReady",
    tag = "Health",
    security(()),
    responses((status = 200, description = "They should", body = Ready), Problems<Redis>),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    if !state.drain.is_cancelled() && redis_answers(&state.redis).await {
        Ok(Json(Ready { status: "ready" }))
    } else {
        Err(ApiError::unavailable())
    }
}
