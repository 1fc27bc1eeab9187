//! Mistral: every field that it does not know is a 422.
//!
//! <https://docs.mistral.ai/api/endpoint/chat>

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    super::{api_error::ApiError, bill::Price},
    CallBody, Provider,
};

const KNOWN: [&str; 19] = [
    "model",
    "messages",
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "metadata",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "top_p",
];

pub(super) struct Mistral;

impl Provider for Mistral {
    fn example_model(&self) -> &'static str {
        "mistral-small-latest"
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        if let Some(name) = call.unknown(&KNOWN) {
            let input = &call.fields[name];
            return Err(unprocessable("extra_forbidden", name, "Extra inputs are not permitted", input));
        }
        if let Some(effort) =
            call.get("reasoning_effort").filter(|effort| !["none", "high"].iter().any(|e| *effort == e))
        {
            let message = "Input should be 'none' or 'high'";
            return Err(unprocessable("literal_error", "reasoning_effort", message, effort));
        }
        if !is_served(call.model) {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_model",
                format!("Invalid model: {}", call.model),
            )
            .code("1500"));
        }
        Ok(())
    }

    fn max_output(&self, call: &CallBody<'_>) -> Option<u32> {
        Some(u32::try_from(call.cap("max_tokens")?).unwrap_or(u32::MAX))
    }

    fn error_body(&self, error: &ApiError) -> Value {
        if error.status() == StatusCode::UNAUTHORIZED {
            return json!({"detail": "Unauthorized"});
        }
        let mut body = error.openai_body()["error"].take();
        body["object"] = json!("error");
        body
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        if !is_served(name) {
            return Err(ApiError::new(StatusCode::NOT_FOUND, "invalid_model", format!("Invalid model: {name}")));
        }
        Ok(json!({"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "mistralai",
            "capabilities": {"completion_chat": true}, "max_context_length": 131_072, "deprecation": null}))
    }

    fn price(&self, _model: &str) -> Price {
        Price::new(100_000, 100_000, 100_000, 300_000)
    }
}

fn is_served(model: &str) -> bool {
    ["mistral-", "ministral-", "magistral-", "open-"].iter().any(|start| model.starts_with(start))
}

fn unprocessable(kind: &str, name: &str, message: &str, input: &Value) -> ApiError {
    let detail = json!([{"type": kind, "loc": ["body", name], "msg": message, "input": input}]);
    ApiError::invalid(StatusCode::UNPROCESSABLE_ENTITY, message).body(json!({"object": "error",
        "message": {"detail": detail}, "type": "invalid_request_error", "param": null, "code": null}))
}
