//! `POST /api/admin/users/{userId}/suspend`

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};

use super::shown::{Answer, ShownSuspension};
use crate::{
    error::ApiError,
    extract::{OptionalJsonBody, UserPath},
    patience,
    routes::monitoring::reason,
    state::AppState,
};

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    user: Shown,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// Lets a user ask for no more jobs, or lifts that. What was accepted before runs on, unless it is to be cancelled.
pub(crate) async fn suspend(
    State(state): State<AppState>,
    UserPath(user): UserPath,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Json<Answer<Body>>, ApiError> {
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
    Ok(Json(Answer::of(Body { user: Shown { user_id: user, suspended, suspension, cancelled_jobs } })))
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
