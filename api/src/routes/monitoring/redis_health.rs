//! `GET /api/redis/health`

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
    #[schema(example = "connected")]
    redis: &'static str,
}

/// Ask whether Redis answers
///
/// Whether it answers and takes writes; 503 where it does not.
#[utoipa::path(
    get,
    path = "/api/redis/health",
    operation_id = "getRedisHealth",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "It does", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn redis_health(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    patience::redis(state.redis.ping()).await?;
    Ok(told(Body { redis: "connected" }))
}
