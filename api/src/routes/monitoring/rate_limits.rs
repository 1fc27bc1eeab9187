//! `GET /api/rate-limits/status` and `POST /api/admin/users/{userId}/reset-rate-limits`

use std::collections::BTreeMap;

use axum::extract::{Path, State, rejection::PathRejection};
use serde::Serialize;
use shared::timestamp::rfc3339;
use utoipa::ToSchema;

use super::{Answer, Told, told};
use crate::{
    error::ApiError,
    extract::QueryPairs,
    identity::checked_user,
    openapi::{self, LegacyErrors, cases},
    patience,
    request_limits::user_limits,
    state::AppState,
};

const USAGE: &str = "/api/rate-limits/status?userId=USER";

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    rate_limits: RateLimits,
}

/// Where a user's limits stand, each under what it counts (`ai`). One that is turned off is not there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RateLimits {
    user_id: String,
    #[serde(flatten)]
    limits: BTreeMap<&'static str, RateLimit>,
}

/// Where one limit stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimit {
    limit: u32,
    remaining: u32,
    /// When there may be one more request.
    #[schema(format = DateTime)]
    reset_time: String,
    window_seconds: u64,
}

/// See where a user's limits stand
///
/// Nothing is counted.
#[utoipa::path(
    get,
    path = "/api/rate-limits/status",
    operation_id = "getUserLimits",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInQuery),
    responses(
        (status = 200, description = "The user's limits", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::Asked, cases::OfUser)>,
    ),
)]
pub(crate) async fn rate_limits_status(
    State(state): State<AppState>,
    query: QueryPairs,
) -> Result<Answer<Body>, ApiError> {
    let user = query
        .as_given("userId")
        .filter(|user| !user.is_empty())
        .ok_or_else(|| ApiError::missing_parameter("userId", USAGE))?;
    let user = checked_user("userId", user)?;
    let limits = limits_of(&state, &user).await?;
    Ok(told(Body { rate_limits: RateLimits { user_id: user, limits } }))
}

/// Where the limits of `user` stand, by their names.
pub(crate) async fn limits_of(state: &AppState, user: &str) -> Result<BTreeMap<&'static str, RateLimit>, ApiError> {
    let limits = user_limits(&state.config.request_limits, user);
    let mut shown = BTreeMap::new();
    if !limits.is_empty() {
        for standing in patience::redis(state.request_limits.look(&limits)).await?.standings {
            let limit = RateLimit {
                limit: standing.limit.most,
                remaining: standing.remaining,
                reset_time: rfc3339(standing.reset_at_ms),
                window_seconds: standing.limit.window.as_secs(),
            };
            shown.insert(standing.limit.name.trim_start_matches("user-"), limit);
        }
    }
    Ok(shown)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ResetBody {
    reset: Reset,
}

/// Which limits of a user were reset.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reset {
    user_id: String,
    #[schema(example = json!(["user-ai"]))]
    limits: Vec<&'static str>,
}

/// Let a user ask anew
///
/// Forgets what was counted of the user.
#[utoipa::path(
    post,
    path = "/api/admin/users/{userId}/reset-rate-limits",
    operation_id = "resetUserLimits",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInPath),
    responses(
        (status = 200, description = "Which limits were reset", body = inline(Told<ResetBody>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser)>,
    ),
)]
pub(crate) async fn reset_rate_limits(
    State(state): State<AppState>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Answer<ResetBody>, ApiError> {
    let user = user.map(|Path(user)| user).unwrap_or_default();
    let user = checked_user("userId", &user)?;
    let mut reset = Vec::new();
    for limit in user_limits(&state.config.request_limits, &user) {
        if patience::redis(state.request_limits.forget(limit.name, &limit.subject)).await? {
            reset.push(limit.name);
        }
    }
    tracing::warn!(limits = reset.join(","), "Limits of a user reset by an operator");
    Ok(told(ResetBody { reset: Reset { user_id: user, limits: reset } }))
}
