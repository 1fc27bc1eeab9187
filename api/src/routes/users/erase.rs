//! `POST /api/admin/users/{userId}/erase`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::UserPath,
    openapi::{self, LegacyErrors, cases},
    routes::monitoring::{Answer, Told, told},
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    erased: Erased,
}

/// What was erased.
#[derive(Serialize, ToSchema)]
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

/// Erase a user
///
/// Ends and removes all jobs of the user with their results, and what was counted. It takes as long as it takes; where it is
/// cut off, it is to be asked for again. What the user spent today counts until the day ends, and a suspension stays.
#[utoipa::path(
    post,
    path = "/api/admin/users/{userId}/erase",
    operation_id = "eraseUser",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInPath),
    responses(
        (status = 200, description = "What was erased", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser)>,
    ),
)]
// In steps that nobody waits for: it has no time limit.
pub(crate) async fn erase(State(state): State<AppState>, UserPath(user): UserPath) -> Result<Answer<Body>, ApiError> {
    let shared::users::Erased { jobs, cancelled, results, results_kept } = state.users.erase(&user).await?;
    tracing::warn!(jobs, cancelled, results, "A user was erased by an operator");
    Ok(told(Body { erased: Erased { user_id: user, jobs, cancelled, results, results_kept } }))
}
