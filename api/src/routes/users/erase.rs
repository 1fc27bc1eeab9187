//! `POST /api/admin/users/{userId}/erase`

use axum::{Json, extract::State};
use serde::Serialize;

use super::shown::Answer;
use crate::{error::ApiError, extract::UserPath, state::AppState};

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    erased: Erased,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Erased {
    user_id: String,
    /// Jobs, those that had not ended included.
    jobs: u64,
    /// Jobs that had not ended.
    cancelled: u64,
    /// Results that others could have had.
    results: u64,
    /// Results that stay for their time, since a job of someone else has come to them.
    results_kept: u64,
}

/// Erases what is kept of a user, in steps that nobody waits for: it may take as long as it takes. Where it is cut off, it is
/// to be asked for again.
pub(crate) async fn erase(
    State(state): State<AppState>,
    UserPath(user): UserPath,
) -> Result<Json<Answer<Body>>, ApiError> {
    let shared::users::Erased { jobs, cancelled, results, results_kept } = state.users.erase(&user).await?;
    tracing::warn!(jobs, cancelled, results, "A user was erased by an operator");
    Ok(Json(Answer::of(Body { erased: Erased { user_id: user, jobs, cancelled, results, results_kept } })))
}
