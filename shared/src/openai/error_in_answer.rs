//! Errors in answers with status 200, which gateways send when their own upstream fails:
//! <https://openrouter.ai/docs/api-reference/errors>.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::{OpenAiError, RateHeaders, error_body::classify};

/// Statuses for errors that have a name and no number.
const NAMED: [(u16, &[&str]); 4] = [
    (
        400,
        &["invalid_request_error", "invalid_argument", "badrequesterror", "context_length_exceeded", "content_filter"],
    ),
    (401, &["invalid_api_key", "authentication_error", "unauthenticated"]),
    (403, &["permission_error", "permission_denied"]),
    (
        429,
        &["rate_limit_exceeded", "rate_limit_error", "too_many_requests", "resource_exhausted", "insufficient_quota"],
    ),
];

/// The error in a body, or in its first choice, if there is one.
pub(super) fn read(
    body: &Value,
    choice: Option<&Value>,
    told: (Option<Duration>, RateHeaders),
    prompt: &[&str],
) -> Option<OpenAiError> {
    let itself = (body.get("object").and_then(Value::as_str) == Some("error")).then_some(body);
    let error = [body.get("error"), choice.and_then(|choice| choice.get("error")), itself];
    if let Some(error) = error.into_iter().flatten().find(|error| says_something(error)) {
        return Some(classify(status(error), told, json!({"error": error}).to_string().as_bytes(), prompt));
    }
    let failed = choice.is_some_and(|choice| choice["finish_reason"] == "error");
    // Gateways send null if their upstream sent nothing.
    let nothing = body.get("choices").is_some_and(Value::is_null);
    (failed || nothing).then(|| classify(StatusCode::BAD_GATEWAY, told, b"", prompt))
}

fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// The HTTP status of the error, by its number or its name; 502 for unknown ones.
fn status(error: &Value) -> StatusCode {
    let words = ["code", "status", "status_code", "type"].map(|name| match error.get(name) {
        Some(Value::String(word)) => word.to_ascii_lowercase(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    });
    let number = |word: &String| word.parse().ok().filter(|status| (400..600).contains(status));
    let named =
        |word: &String| NAMED.iter().find(|(_, names)| names.contains(&word.as_str())).map(|(status, _)| *status);
    let found = words.iter().find_map(number).or_else(|| words.iter().find_map(named));
    found.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
}
