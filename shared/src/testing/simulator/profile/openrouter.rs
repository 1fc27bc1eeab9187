//! The gateway `OpenRouter`: parameters that a model does not support are ignored, and the answer says what it cost.
//!
//! <https://openrouter.ai/docs/api-reference/overview>

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, bad, fields, openai,
};

pub(super) struct OpenRouter;

impl Provider for OpenRouter {
    fn example_model(&self) -> &'static str {
        "openai/gpt-6-luna"
    }

    fn base(&self) -> &'static str {
        "/api/v1"
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        if !call.model.contains('/') {
            return Err(bad(format!("{} is not a valid model ID", call.model)));
        }
        Ok(())
    }

    fn error_body(&self, error: &ApiError) -> Value {
        json!({"error": {"code": error.status().as_u16(), "message": error.message()}, "user_id": "user_simulator"})
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        if openai::thinks(call.model) { openai::reasoning_tokens(call) } else { 0 }
    }

    fn model(&self, _name: &str) -> Result<Value, ApiError> {
        Err(ApiError::invalid(StatusCode::NOT_FOUND, "Not Found"))
    }

    fn price(&self, model: &str) -> Price {
        openai::price(model)
    }

    fn caches(&self) -> bool {
        true
    }

    fn usage(&self, used: &Use, charge: &Charge) -> Value {
        let mut usage = openai::usage(used);
        usage["cost"] = json!(charge.usd());
        usage["is_byok"] = json!(false);
        usage["cost_details"] = json!({"upstream_inference_cost": charge.usd()});
        usage
    }

    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        (fields(json!({"provider": "OpenAI"})), fields(json!({"reasoning": null})))
    }
}
