//! Groq: structured outputs and an effort with some of its models only.
//!
//! <https://console.groq.com/docs/api-reference#chat-create>

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, bad, fields, plain_usage,
};

/// Most output tokens of every model here.
const OUTPUT_MAX: u64 = 32_768;

pub(super) struct Groq;

impl Provider for Groq {
    fn example_model(&self) -> &'static str {
        "llama-3.3-70b-versatile"
    }

    fn base(&self) -> &'static str {
        "/openai/v1"
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        let thinks = call.model.contains("gpt-oss");
        let name = ["max_completion_tokens", "max_tokens"].into_iter().find(|name| call.get(name).is_some());
        if let Some(name) = name
            && call.cap(name).is_some_and(|cap| cap > OUTPUT_MAX)
        {
            let message = format!(
                "`{name}` must be less than or equal to `{OUTPUT_MAX}`, the maximum value for `{name}` is less than the \
                 `context_window` for this model"
            );
            return Err(bad(message).param(name));
        }
        match call.text("reasoning_effort") {
            Some(_) if !thinks => return Err(bad("`reasoning_effort` is not supported with this model")),
            Some(effort) if !["low", "medium", "high"].contains(&effort) => {
                return Err(bad("`reasoning_effort` must be one of `low`, `medium`, or `high`"));
            }
            _ => {}
        }
        let format = call.get("response_format").and_then(|format| format.get("type"));
        if !thinks && format == Some(&json!("json_schema")) {
            let message = "This model does not support response format `json_schema`. See supported models at \
                           https://console.groq.com/docs/structured-outputs#supported-models";
            return Err(bad(message).param("response_format"));
        }
        Ok(())
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        if call.model.contains("gpt-oss") { 128 } else { 0 }
    }

    fn error_body(&self, error: &ApiError) -> Value {
        let mut body = error.openai_body();
        if let Some(fields) = body["error"].as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        body
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        if name.starts_with("gpt-") {
            let message = format!("The model `{name}` does not exist or you do not have access to it.");
            return Err(ApiError::invalid(StatusCode::NOT_FOUND, message).code("model_not_found"));
        }
        Ok(json!({"id": name, "object": "model", "created": 1_733_447_754, "owned_by": "Meta", "active": true,
            "context_window": 131_072, "max_completion_tokens": OUTPUT_MAX}))
    }

    fn price(&self, _model: &str) -> Price {
        Price::new(590_000, 590_000, 590_000, 790_000)
    }

    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        let mut usage = plain_usage(used);
        for name in ["queue_time", "prompt_time", "completion_time", "total_time"] {
            usage[name] = json!(0.01);
        }
        usage
    }

    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        (fields(json!({"service_tier": "on_demand", "x_groq": {"id": "req_simulator"}})), Map::new())
    }
}
