//! What is asked, and how it looks on the wire.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::parameters::{CallParameters, CapName, Effort};

/// What the prompt ends with where the server takes no schema.
const SCHEMA_IN_PROMPT: &str = "Answer with one JSON object that fits this JSON Schema, and with nothing else:";

/// One question to the model, which the configuration names.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The caller's own id of this call; ASCII, at most 512 characters. The provider logs it.
    pub request_id: String,
    /// What the model is to do.
    pub system: String,
    /// What it is to do it with.
    pub user: String,
    /// Name of the answer's shape: letters, digits, `_` and `-`, at most 64.
    pub schema_name: &'static str,
    /// JSON schema of the answer, within the subset of structured outputs:
    /// <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.
    pub schema: Value,
    /// Cap of the answer, in tokens.
    pub max_output_tokens: u32,
}

/// The body of the call. Our own type, which borrows: a lesson text isn't copied only to be sent.
#[derive(Serialize)]
pub(super) struct RequestBody<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    /// Never both names of the cap: OpenAI's reasoning models reject `max_tokens`, and its other models
    /// reject the two together.
    /// <https://platform.openai.com/docs/api-reference/chat/create#chat_create-max_completion_tokens>
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    /// <https://platform.openai.com/docs/guides/prompt-caching>
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_options: Option<CacheOptions>,
}

/// Which parts of the prompt are written into the provider's cache.
#[derive(Serialize)]
struct CacheOptions {
    mode: &'static str,
}

/// Those before a breakpoint, of which there are none.
const NO_CACHE_WRITES: CacheOptions = CacheOptions { mode: "explicit" };

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'static str,
    strict: bool,
    schema: &'a Value,
}

impl<'a> RequestBody<'a> {
    pub(super) fn new(model: &'a str, request: &'a ChatRequest, parameters: &CallParameters) -> Self {
        let ChatRequest { system, user, schema_name, schema, .. } = request;
        let cap = |name| (parameters.cap_name == Some(name)).then(|| parameters.cap(request.max_output_tokens));
        let format = ResponseFormat::JsonSchema { json_schema: JsonSchema { name: schema_name, strict: true, schema } };
        let system = if parameters.response_format {
            Cow::Borrowed(system.as_str())
        } else {
            Cow::Owned(format!("{system}\n\n{SCHEMA_IN_PROMPT}\n{schema}"))
        };
        Self {
            model,
            messages: [
                Message { role: "system", content: system },
                Message { role: "user", content: Cow::Borrowed(user) },
            ],
            response_format: parameters.response_format.then_some(format),
            max_completion_tokens: cap(CapName::MaxCompletionTokens),
            max_tokens: cap(CapName::MaxTokens),
            reasoning_effort: parameters.effort.map(Effort::as_str),
            temperature: parameters.temperature,
            prompt_cache_options: parameters.no_cache_writes.then_some(NO_CACHE_WRITES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::parameters::Learned;
    use serde_json::json;

    fn parameters() -> CallParameters {
        CallParameters {
            cap_name: Some(CapName::MaxCompletionTokens),
            cap_limit: None,
            effort: None,
            temperature: Some(0.5),
            response_format: true,
            no_cache_writes: false,
            learned: Learned::default(),
        }
    }

    fn body(parameters: &CallParameters) -> Value {
        let request = ChatRequest {
            request_id: "id".into(),
            system: "Make cards.".into(),
            user: "A text.".into(),
            schema_name: "flashcards",
            schema: json!({"type": "object"}),
            max_output_tokens: 100,
        };
        serde_json::to_value(RequestBody::new("gpt-4o-mini", &request, parameters)).unwrap()
    }

    #[test]
    fn the_body_is_the_documented_one() {
        assert_eq!(
            body(&parameters()),
            json!({
                "model": "gpt-4o-mini",
                "messages": [
                    {"role": "system", "content": "Make cards."},
                    {"role": "user", "content": "A text."},
                ],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "flashcards", "strict": true, "schema": {"type": "object"}},
                },
                "max_completion_tokens": 100,
                "temperature": 0.5,
            })
        );
    }

    #[test]
    fn the_cap_goes_by_one_name_and_below_its_limit() {
        let other = CallParameters {
            cap_name: Some(CapName::MaxTokens),
            cap_limit: Some(70),
            effort: Some(Effort::None),
            temperature: None,
            ..parameters()
        };
        let sent = body(&other);
        assert_eq!((&sent["max_tokens"], &sent["reasoning_effort"]), (&json!(70), &json!("none")));
        assert!(sent.get("max_completion_tokens").is_none() && sent.get("temperature").is_none(), "{sent}");
    }

    #[test]
    fn cache_writes_are_turned_off_by_a_mode_without_breakpoints() {
        let sent = body(&CallParameters { no_cache_writes: true, ..parameters() });
        assert_eq!(sent["prompt_cache_options"], json!({"mode": "explicit"}));
    }

    #[test]
    fn a_schema_that_is_not_taken_goes_in_the_prompt() {
        let sent = body(&CallParameters { response_format: false, ..parameters() });
        assert!(sent.get("response_format").is_none());
        let system = sent["messages"][0]["content"].as_str().unwrap();
        assert!(system.starts_with("Make cards.\n\n") && system.ends_with("\n{\"type\":\"object\"}"), "{system}");
    }
}
