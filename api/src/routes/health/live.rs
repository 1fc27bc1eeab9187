//! `GET /api/health`

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{clock, timestamp::rfc3339};

use super::redis_answers;
use crate::state::AppState;

/// What the app and the platform read.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    timestamp: String,
    message: &'static str,
}

/// Always 200 while the process lives: a restart would not bring Redis back.
pub(crate) async fn live(State(state): State<AppState>) -> Json<Health> {
    let (status, message) = if redis_answers(&state.redis).await {
        ("healthy", "The service is running")
    } else {
        ("degraded", "The service is running, but Redis does not answer: no jobs are accepted")
    };
    Json(Health { status, timestamp: rfc3339(clock::unix_ms()), message })
}
