//! `GET /api/sse/stats`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::answer;
use crate::{error::ApiError, patience, state::AppState};

/// Event streams: those that are open in this process, and those that the fleet has ever opened.
pub(crate) async fn sse_stats(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let figures = patience::redis(state.monitoring.figures()).await?;
    Ok(answer("stats", shown(&state, figures.streams())))
}

pub(super) fn shown(state: &AppState, opened: u64) -> Value {
    json!({ "activeConnections": state.monitoring.open_streams(), "totalConnections": opened })
}
