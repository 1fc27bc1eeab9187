//! `GET /api/ready`

use axum::{Json, extract::State};
use serde::Serialize;

use super::redis_answers;
use crate::{error::ApiError, state::AppState};

/// For load balancers.
#[derive(Serialize)]
pub(crate) struct Ready {
    status: &'static str,
}

/// 200 when requests should come here; 503 while Redis is away and once the process drains.
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    if !state.drain.is_cancelled() && redis_answers(&state.redis).await {
        Ok(Json(Ready { status: "ready" }))
    } else {
        Err(ApiError::unavailable())
    }
}
