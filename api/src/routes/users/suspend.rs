//! `POST /api/admin/users/{userId}/suspend`

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shown::ShownSuspension;
use crate::{
    error::ApiError,
    extract::{OptionalJsonBody, UserPath},
    openapi::{self, LegacyErrors, cases},
    patience,
    routes::monitoring::{Answer, Told, reason, told},
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    user: Shown,
}

/// Whether a user is suspended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SuspendedUser)]
struct Shown {
    user_id: String,
    suspended: bool,
    suspension: Option<ShownSuspension>,
    /// Jobs that had been accepted before.
    cancelled_jobs: u64,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Why; `None` lifts the suspension.
    reason: Option<String>,
    cancel_jobs: bool,
}

/// Suspend a user, or lift that
///
/// A suspended user may ask for no more jobs. What was accepted before runs on, unless it is to be cancelled.
#[utoipa::path(
    post,
    path = "/api/admin/users/{userId}/suspend",
    operation_id = "suspendUser",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInPath),
    request_body = openapi::SuspendRequest,
    responses(
        (status = 200, description = "Where it stands", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser, cases::Body, cases::Reason, cases::Suspending)>,
    ),
)]
pub(crate) async fn suspend(
    State(state): State<AppState>,
    UserPath(user): UserPath,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Answer<Body>, ApiError> {
    let asked = read(&body)?;
    let suspension = match &asked.reason {
        Some(reason) => Some(patience::redis(state.users.suspend(&user, reason)).await?),
        None => patience::redis(state.users.lift_suspension(&user)).await.map(|()| None)?,
    };
    tracing::warn!(enabled = suspension.is_some(), "A user was suspended, or that was lifted, by an operator");
    // As many steps as it takes.
    let cancelled_jobs = if asked.cancel_jobs { state.users.cancel_jobs(&user).await? } else { 0 };
    let suspended = suspension.is_some();
    let suspension = suspension.map(ShownSuspension::from);
    Ok(told(Body { user: Shown { user_id: user, suspended, suspension, cancelled_jobs } }))
}

fn read(body: &str) -> Result<Asked, ApiError> {
    let unreadable = |_| ApiError::bad_field("body", "invalid_json", "The body is not a JSON object");
    let mut body: Map<String, Value> = serde_json::from_str(body).map_err(unreadable)?;
    let reason = reason(body.remove("reason").unwrap_or_default())?;
    let mut flag = |name: &'static str, usual| match body.remove(name).unwrap_or_default() {
        Value::Null => Ok(usual),
        Value::Bool(flag) => Ok(flag),
        _ => Err(ApiError::bad_field(name, "invalid_type", format!("`{name}` must be true or false"))),
    };
    let (suspended, cancel_jobs) = (flag("suspended", true)?, flag("cancelJobs", false)?);
    Ok(Asked { reason: suspended.then_some(reason), cancel_jobs: suspended && cancel_jobs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_suspended_unless_the_body_says_otherwise() {
        let asked = |reason: Option<&str>, cancel_jobs| Ok(Asked { reason: reason.map(str::to_owned), cancel_jobs });
        for (body, expected) in [
            ("{}", asked(Some("No reason was given"), false)),
            (r#"{"suspended":true,"reason":" Spam ","cancelJobs":true}"#, asked(Some("Spam"), true)),
            (r#"{"reason":"Spam"}"#, asked(Some("Spam"), false)),
            (r#"{"suspended":false,"cancelJobs":true}"#, asked(None, false)),
            (r#"{"suspended":"false"}"#, Err("invalid_type")),
            (r#"{"cancelJobs":1}"#, Err("invalid_type")),
            (r#"{"reason":1}"#, Err("invalid_type")),
            (r#"{"reason":"a\u0000b"}"#, Err("invalid_characters")),
            ("[]", Err("invalid_json")),
        ] {
            assert_eq!(read(body).map_err(|error| error.code().to_owned()), expected.map_err(str::to_owned), "{body}");
        }
    }
}
