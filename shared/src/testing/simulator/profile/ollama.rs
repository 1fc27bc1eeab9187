//! Ollama: it reads `max_tokens` alone and ignores what it does not know. A model that thinks puts its
//! thoughts beside the content, unless the effort is `none`.
//!
//! <https://docs.ollama.com/api/openai-compatibility>

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::{
    super::{api_error::ApiError, bill::Price},
    CallBody, Provider, bad, bearer, fields,
};

const EFFORTS: [&str; 4] = ["high", "medium", "low", "none"];

pub(super) struct Ollama;

impl Provider for Ollama {
    fn example_model(&self) -> &'static str {
        "qwen3:4b"
    }

    fn key<'h>(&self, headers: &'h HeaderMap, _uri: &Uri) -> Result<&'h str, ApiError> {
        Ok(bearer(headers).unwrap_or_default())
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        check_pulled(call.model)?;
        match call.text("reasoning_effort") {
            Some(effort) if !EFFORTS.contains(&effort) => Err(bad(format!(
                "invalid reasoning value: '{effort}' (must be \"high\", \"medium\", \"low\", or \"none\")"
            ))),
            Some(effort) if effort != "none" && !thinks(call.model) => {
                Err(bad(format!("\"{}\" does not support thinking", call.model)))
            }
            _ => Ok(()),
        }
    }

    fn max_output(&self, call: &CallBody<'_>) -> Option<u32> {
        Some(u32::try_from(call.cap("max_tokens")?).unwrap_or(u32::MAX))
    }

    fn reasoning_tokens(&self, call: &CallBody<'_>) -> u32 {
        if thinks(call.model) && call.text("reasoning_effort") != Some("none") { 200 } else { 0 }
    }

    fn model(&self, name: &str) -> Result<Value, ApiError> {
        check_pulled(name)?;
        Ok(json!({"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "library"}))
    }

    fn price(&self, _model: &str) -> Price {
        Price::FREE
    }

    fn extras(&self, call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        let thought = self.reasoning_tokens(call) > 0;
        (Map::new(), if thought { fields(json!({"reasoning": "The learner wants cards."})) } else { Map::new() })
    }
}

fn thinks(model: &str) -> bool {
    ["qwen3", "deepseek-r1", "gpt-oss"].iter().any(|start| model.starts_with(start))
}

/// Models of others have to be fetched first, which nobody has done.
fn check_pulled(model: &str) -> Result<(), ApiError> {
    if ["gpt-4", "gpt-5", "gpt-6"].iter().any(|start| model.starts_with(start)) {
        let message = format!("model \"{model}\" not found, try pulling it first");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found_error", message));
    }
    Ok(())
}
