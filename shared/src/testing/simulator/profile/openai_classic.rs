//! OpenAI with models that don't think.

use serde_json::{Map, Value};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, openai,
};

pub(super) struct OpenAiClassic;

impl Provider for OpenAiClassic {
    fn example_model(&self) -> &'static str {
        "gpt-4.1-mini"
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        openai::check_model(call.model, is_served(call.model))?;
        openai::check_classic(call)
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        openai::model(name, is_served(name))
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

fn is_served(model: &str) -> bool {
    model.starts_with("gpt-") && !openai::thinks(model)
}
