//! `GET /api/redis/health`

use axum::{Json, extract::State};
use serde_json::Value;

use super::answer;
use crate::{error::ApiError, patience, state::AppState};

/// Whether Redis answers and takes writes; 503 where it does not.
pub(crate) async fn redis_health(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    patience::redis(state.redis.ping()).await?;
    Ok(answer("redis", "connected".into()))
}
