//! Why an operator does something.

use serde_json::Value;

use crate::error::ApiError;

const MAX: usize = 500;
const NONE: &str = "No reason was given";

/// The reason in the field `reason` of a body.
pub(crate) fn reason(field: Value) -> Result<String, ApiError> {
    let reason = match field {
        Value::Null => String::new(),
        Value::String(reason) => reason.trim().to_owned(),
        _ => return Err(ApiError::bad_field("reason", "invalid_type", "`reason` must be a string")),
    };
    if reason.chars().count() > MAX {
        let detail = format!("`reason` has more than {MAX} characters");
        return Err(ApiError::bad_field("reason", "too_long", detail));
    }
    if reason.chars().any(char::is_control) {
        let detail = "`reason` must not contain control characters";
        return Err(ApiError::bad_field("reason", "invalid_characters", detail));
    }
    Ok(if reason.is_empty() { NONE.to_owned() } else { reason })
}
