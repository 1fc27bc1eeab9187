//! OpenAI with models that think.

use serde_json::{Map, Value};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, openai,
};

pub(super) struct OpenAiReasoning;

impl Provider for OpenAiReasoning {
    fn example_model(&self) -> &'static str {
        "gpt-6-luna"
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        openai::check_model(call.model, openai::thinks(call.model))?;
        openai::check_reasoning(call, call.model)
    }

    fn max_output(&self, call: &CallBody<'_>) -> Option<u32> {
        Some(u32::try_from(call.cap("max_completion_tokens")?).unwrap_or(u32::MAX))
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        openai::reasoning_tokens(call)
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        openai::model(name, openai::thinks(name))
    }

    fn price(&self, model: &str) -> Price {
        openai::price(model)
    }

    fn caches(&self) -> bool {
        true
    }

    fn tier(&self, call: &CallBody<'_>) -> Option<&'static str> {
        Some(openai::tier(call))
    }

    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        openai::usage(used)
    }

    fn extras(&self, _call: &CallBody<'_>, tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        openai::extras(tier)
    }
}
