//! Gemini's endpoint for OpenAI's clients: its errors are arrays, and its models think unless told not to.
//!
//! <https://ai.google.dev/gemini-api/docs/openai>

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, bearer,
};

const KNOWN: [&str; 18] = [
    "model",
    "messages",
    "extra_body",
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tools",
    "top_p",
];
/// One above the most output tokens.
const OUTPUT_END: u64 = 65_537;

pub(super) struct Gemini;

impl Provider for Gemini {
    fn example_model(&self) -> &'static str {
        "gemini-2.5-flash"
    }

    fn base(&self) -> &'static str {
        "/v1beta/openai"
    }

    fn key<'h>(&self, headers: &'h HeaderMap, _uri: &Uri) -> Result<&'h str, ApiError> {
        let key = bearer(headers).filter(|key| !key.starts_with("sk-"));
        key.ok_or_else(|| invalid("API key not valid. Please pass a valid API key.", Some("API_KEY_INVALID")))
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        if let Some(name) = call.unknown(&KNOWN) {
            let message = format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
            return Err(invalid(message, None));
        }
        let cap = call.cap("max_completion_tokens").or_else(|| call.cap("max_tokens"));
        if let Some(cap) = cap.filter(|cap| *cap >= OUTPUT_END) {
            let message = format!(
                "Unable to submit request because it has a maxOutputTokens value of {cap} but the supported range is \
                 from 1 (inclusive) to {OUTPUT_END} (exclusive). Update the value and try again."
            );
            return Err(invalid(message, None));
        }
        if call.model.contains("pro") && call.text("reasoning_effort") == Some("none") {
            return Err(invalid("Budget 0 is invalid. This model only works in thinking mode.", None));
        }
        Ok(())
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        if call.text("reasoning_effort") == Some("none") { 0 } else { 256 }
    }

    fn error_body(&self, error: &ApiError) -> Value {
        let status = match error.status() {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::TOO_MANY_REQUESTS => "RESOURCE_EXHAUSTED",
            _ => "INVALID_ARGUMENT",
        };
        json!([{"error": {"code": error.status().as_u16(), "message": error.message(), "status": status}}])
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        if !name.trim_start_matches("models/").starts_with("gemini-") {
            let message = format!("models/{name} is not found for API version v1main");
            return Err(ApiError::invalid(StatusCode::NOT_FOUND, message));
        }
        Ok(json!({"id": format!("models/{name}"), "object": "model", "owned_by": "google", "display_name": name}))
    }

    fn price(&self, _model: &str) -> Price {
        Price::new(300_000, 75_000, 300_000, 2_500_000)
    }

    /// Thoughts are in the total alone; they are paid as output all the same.
    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        json!({"prompt_tokens": used.prompt, "completion_tokens": used.completion - used.reasoning,
            "total_tokens": used.prompt.saturating_add(used.completion)})
    }
}

fn invalid(message: impl Into<String>, reason: Option<&str>) -> ApiError {
    let message = message.into();
    let mut error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
    if let Some(reason) = reason {
        error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
    }
    ApiError::invalid(StatusCode::BAD_REQUEST, message).body(json!([{"error": error}]))
}
