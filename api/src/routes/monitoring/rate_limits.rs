//! `GET /api/rate-limits/status` and `POST /api/admin/users/{userId}/reset-rate-limits`

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use serde_json::{Value, json};
use shared::timestamp::rfc3339;

use super::answer;
use crate::{
    error::ApiError, extract::QueryPairs, identity::checked_user, patience, request_limits::user_limits,
    state::AppState,
};

const USAGE: &str = "/api/rate-limits/status?userId=USER";

/// Where a user's limits stand; nothing is counted. A limit that is turned off is not there.
pub(crate) async fn rate_limits_status(
    State(state): State<AppState>,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    let user = query.get("userId").ok_or_else(|| ApiError::missing_parameter("userId", USAGE))?;
    let user = checked_user("userId", user)?;
    let mut shown = limits_of(&state, &user).await?;
    shown["userId"] = json!(user);
    Ok(answer("rateLimits", shown))
}

/// Where the limits of `user` stand, by their names.
pub(crate) async fn limits_of(state: &AppState, user: &str) -> Result<Value, ApiError> {
    let limits = user_limits(&state.config.request_limits, user);
    let mut shown = json!({});
    if !limits.is_empty() {
        for standing in patience::redis(state.request_limits.look(&limits)).await?.standings {
            let work = standing.limit.name.trim_start_matches("user-");
            shown[work] = json!({
                "limit": standing.limit.most,
                "remaining": standing.remaining,
                "resetTime": rfc3339(standing.reset_at_ms),
                "windowSeconds": standing.limit.window.as_secs(),
            });
        }
    }
    Ok(shown)
}

/// Lets a user ask anew, whatever was counted.
pub(crate) async fn reset_rate_limits(
    State(state): State<AppState>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let user = user.map(|Path(user)| user).unwrap_or_default();
    let user = checked_user("userId", &user)?;
    let mut reset = Vec::new();
    for limit in user_limits(&state.config.request_limits, &user) {
        if patience::redis(state.request_limits.forget(limit.name, &limit.subject)).await? {
            reset.push(limit.name);
        }
    }
    tracing::warn!(limits = reset.join(","), "Limits of a user reset by an operator");
    Ok(answer("reset", json!({ "userId": user, "limits": reset })))
}
