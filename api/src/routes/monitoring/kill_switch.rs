//! `POST /api/admin/budget/kill-switch`

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Answer, Told, budget_status, reason, told};
use crate::{
    error::ApiError,
    extract::JsonBody,
    openapi::{self, LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    kill_switch: budget_status::KillSwitch,
}

/// Throw the kill switch, or take it back
///
/// While it is thrown no job is accepted, and none is given out.
#[utoipa::path(
    post,
    path = "/api/admin/budget/kill-switch",
    operation_id = "setKillSwitch",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    request_body = openapi::KillSwitchRequest,
    responses(
        (status = 200, description = "Where it stands", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::Body, cases::Asked, cases::Reason)>,
    ),
)]
pub(crate) async fn kill_switch(
    State(state): State<AppState>,
    JsonBody(body): JsonBody,
) -> Result<Answer<Body>, ApiError> {
    let reason = read(&body)?;
    let budget = &state.monitoring.budget;
    patience::redis(budget.set_kill_switch(reason.as_deref())).await?;
    tracing::warn!(enabled = reason.is_some(), reason, "The kill switch of the budget was set");
    let status = patience::redis(budget.status(None)).await?;
    Ok(told(Body { kill_switch: budget_status::kill_switch(status.kill_switch.as_ref()) }))
}

/// The reason for throwing it; `None` takes it back.
fn read(body: &str) -> Result<Option<String>, ApiError> {
    let unreadable = |_| ApiError::bad_field("body", "invalid_json", "The body is not a JSON object");
    let mut body: Map<String, Value> = serde_json::from_str(body).map_err(unreadable)?;
    let mut field = |name: &str| body.remove(name).unwrap_or_default();
    let enabled = match field("enabled") {
        Value::Bool(enabled) => enabled,
        Value::Null => return Err(ApiError::missing_parameter("enabled", "{\"enabled\": true, \"reason\": \"…\"}")),
        _ => return Err(ApiError::bad_field("enabled", "invalid_type", "`enabled` must be true or false")),
    };
    let reason = reason(field("reason"))?;
    Ok(enabled.then_some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_thrown_with_a_reason_and_taken_back_without() {
        for (body, expected) in [
            (r#"{"enabled":true,"reason":" Bill "}"#, Ok(Some("Bill"))),
            (r#"{"enabled":true}"#, Ok(Some("No reason was given"))),
            (r#"{"enabled":false,"reason":"Bill"}"#, Ok(None)),
            (r#"{"reason":"Bill"}"#, Err("missing_parameter")),
            (r#"{"enabled":"true"}"#, Err("invalid_type")),
            (r#"{"enabled":true,"reason":1}"#, Err("invalid_type")),
            (r#"{"enabled":true,"reason":"a\u0000b"}"#, Err("invalid_characters")),
            ("[]", Err("invalid_json")),
            ("", Err("invalid_json")),
        ] {
            let reason = read(body).map_err(|error| error.code().to_owned());
            assert_eq!(reason, expected.map(|reason| reason.map(str::to_owned)).map_err(str::to_owned), "{body}");
        }
    }
}
