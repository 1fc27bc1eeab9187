//! `POST /api/admin/users/{userId}/reset-tracking`

use axum::{Json, extract::State};
use serde::Serialize;

use super::shown::Answer;
use crate::{error::ApiError, extract::UserPath, patience, state::AppState};

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    reset: Reset,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reset {
    user_id: String,
    /// Whether anything was known.
    tracked: bool,
}

/// Forgets what was counted of a user. Jobs, suspension and what was spent stay.
pub(crate) async fn reset_tracking(
    State(state): State<AppState>,
    UserPath(user): UserPath,
) -> Result<Json<Answer<Body>>, ApiError> {
    let tracked = patience::redis(state.users.reset_tracking(&user)).await?;
    tracing::warn!("What was counted of a user was reset by an operator");
    Ok(Json(Answer::of(Body { reset: Reset { user_id: user, tracked } })))
}
