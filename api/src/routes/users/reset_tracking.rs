//! `POST /api/admin/users/{userId}/reset-tracking`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::UserPath,
    openapi::{self, LegacyErrors, cases},
    patience,
    routes::monitoring::{Answer, Told, told},
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    reset: Reset,
}

/// Whose figures begin anew.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrackingReset)]
struct Reset {
    user_id: String,
    /// Whether anything was known.
    tracked: bool,
}

/// Forget what was counted of a user
///
/// Jobs, suspension and what was spent stay.
#[utoipa::path(
    post,
    path = "/api/admin/users/{userId}/reset-tracking",
    operation_id = "resetUserTracking",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInPath),
    responses(
        (status = 200, description = "Whether anything was known", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser)>,
    ),
)]
pub(crate) async fn reset_tracking(
    State(state): State<AppState>,
    UserPath(user): UserPath,
) -> Result<Answer<Body>, ApiError> {
    let tracked = patience::redis(state.users.reset_tracking(&user)).await?;
    tracing::warn!("What was counted of a user was reset by an operator");
    Ok(told(Body { reset: Reset { user_id: user, tracked } }))
}
