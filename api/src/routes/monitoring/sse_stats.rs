//! `GET /api/sse/stats`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Told, told};
use crate::{
    error::ApiError,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    stats: SseStats,
}

/// Event streams.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SseStats {
    /// Of this process.
    active_connections: u64,
    /// That the fleet ever had.
    total_connections: u64,
}

/// Count event streams
#[utoipa::path(
    get,
    path = "/api/sse/stats",
    operation_id = "getSseStats",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "Event streams", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn sse_stats(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let figures = patience::redis(state.monitoring.figures()).await?;
    Ok(told(Body { stats: shown(&state, figures.streams()) }))
}

pub(super) fn shown(state: &AppState, opened: u64) -> SseStats {
    SseStats { active_connections: state.monitoring.open_streams(), total_connections: opened }
}
