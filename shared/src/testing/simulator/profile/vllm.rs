//! vLLM: either name of the cap, unknown fields are ignored, and prompt and cap together must fit the
//! context.
//!
//! <https://docs.vllm.ai/en/latest/serving/openai_compatible_server>

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, bearer, fields, plain_usage,
};

/// `--max-model-len`.
const CONTEXT: u64 = 8_192;

pub(super) struct Vllm;

impl Provider for Vllm {
    fn example_model(&self) -> &'static str {
        "Qwen/Qwen3-8B"
    }

    fn key<'h>(&self, headers: &'h HeaderMap, _uri: &Uri) -> Result<&'h str, ApiError> {
        Ok(bearer(headers).unwrap_or_default())
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        check_served(call.model)?;
        let cap = self.max_output(call).map_or(1, u64::from);
        let prompt = u64::from(call.prompt_tokens);
        if prompt + cap > CONTEXT {
            let message = format!(
                "'max_tokens' or 'max_completion_tokens' is too large: {cap}. This model's maximum context length is \
                 {CONTEXT} tokens and your request has {prompt} input tokens ({cap} > {CONTEXT} - {prompt})."
            );
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "BadRequestError", message).param("max_tokens"));
        }
        Ok(())
    }

    fn error_body(&self, error: &ApiError) -> Value {
        let mut body = error.openai_body();
        body["error"]["code"] = json!(error.status().as_u16());
        body
    }

    /// It lists its models, and has no path for one of them.
    fn model(&self, _name: &str) -> Result<Value, ApiError> {
        Err(ApiError::invalid(StatusCode::NOT_FOUND, "Not Found").body(json!({"detail": "Not Found"})))
    }

    fn price(&self, _model: &str) -> Price {
        Price::FREE
    }

    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        let mut usage = plain_usage(used);
        usage["prompt_tokens_details"] = Value::Null;
        usage
    }

    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        (fields(json!({"prompt_logprobs": null})), fields(json!({"reasoning_content": null, "tool_calls": []})))
    }
}

fn check_served(model: &str) -> Result<(), ApiError> {
    if model.contains('/') {
        return Ok(());
    }
    let message = format!("The model `{model}` does not exist.");
    Err(ApiError::new(StatusCode::NOT_FOUND, "NotFoundError", message).param("model"))
}
