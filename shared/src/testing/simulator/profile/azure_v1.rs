//! Azure OpenAI at its v1 address. A deployment has any name; here it serves gpt-6-luna.
//!
//! <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, api_key, bearer, fields, openai,
};

/// The model behind every deployment.
const MODEL: &str = "gpt-6-luna";

pub(super) struct AzureV1;

impl Provider for AzureV1 {
    fn example_model(&self) -> &'static str {
        "cards"
    }

    fn base(&self) -> &'static str {
        "/openai/v1"
    }

    fn key<'h>(&self, headers: &'h HeaderMap, _uri: &Uri) -> Result<&'h str, ApiError> {
        api_key(headers).or_else(|| bearer(headers)).ok_or_else(denied)
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        openai::check_reasoning(call, MODEL)
    }

    fn max_output(&self, call: &CallBody<'_>) -> Option<u32> {
        Some(u32::try_from(call.cap("max_completion_tokens")?).unwrap_or(u32::MAX))
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        openai::reasoning_tokens(call)
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        Ok(json!({"id": name, "object": "model", "status": "succeeded", "created_at": 1_790_000_000,
            "lifecycle_status": "generally-available", "capabilities": {"chat_completion": true}}))
    }

    fn price(&self, _model: &str) -> Price {
        openai::price(MODEL)
    }

    fn caches(&self) -> bool {
        true
    }

    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        openai::usage(used)
    }

    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        filters()
    }
}

/// A key that is not known, or a missing one.
pub(super) fn denied() -> ApiError {
    let message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid \
                   key for an active subscription and use a correct regional API endpoint for your resource.";
    ApiError::invalid(StatusCode::UNAUTHORIZED, message).body(json!({"error": {"code": "401", "message": message}}))
}

/// What its content filters say.
pub(super) fn filters() -> (Map<String, Value>, Map<String, Value>) {
    let safe = json!({"hate": {"filtered": false, "severity": "safe"}});
    (fields(json!({"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}]})), Map::new())
}
