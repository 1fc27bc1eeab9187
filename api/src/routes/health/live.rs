//! `GET /api/health`

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{clock, timestamp::rfc3339};
use utoipa::ToSchema;

use super::redis_answers;
use crate::{
    openapi::{Problems, cases::Internal},
    state::AppState,
};

/// What the app and the platform read.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `degraded`: Redis does not answer.
    #[schema(pattern = "^(healthy|degraded)$", example = "healthy")]
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    message: &'static str,
}

/// Ask whether the process lives
///
/// Always 200 while it does: a restart would not bring Redis back.
#[utoipa::path(
    get,
    path = "/api/health",
    operation_id = "getHealth",
    tag = "Health",
    security(()),
    responses((status = 200, description = "It lives", body = Health), Problems<Internal>),
)]
pub(crate) async fn live(State(state): State<AppState>) -> Json<Health> {
    let (status, message) = if redis_answers(&state.redis).await {
        ("healthy", "The service is running")
    } else {
        ("degraded", "The service is running, but Redis does not answer: no jobs are accepted")
    };
    Json(Health { status, timestamp: rfc3339(clock::unix_ms()), message })
}
