//! What is asked, and how it looks on the wire.

use serde::Serialize;
use serde_json::Value;

/// Low, since cards are facts, and not 0, since a retry should be able to come out differently.
const TEMPERATURE: f32 = 0.2;

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
    response_format: ResponseFormat<'a>,
    /// Not `max_tokens` as well: it is deprecated, OpenAI's reasoning models reject it, and its other models reject the
    /// two together. llmock knows this name too, and so does llama.cpp, since <https://github.com/ggml-org/llama.cpp/pull/19831>.
    /// <https://platform.openai.com/docs/api-reference/chat/create#chat_create-max_completion_tokens>
    max_completion_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
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
    pub(super) fn new(model: &'a str, request: &'a ChatRequest) -> Self {
        Self {
            model,
            messages: [
                Message { role: "system", content: &request.system },
                Message { role: "user", content: &request.user },
            ],
            response_format: ResponseFormat::JsonSchema {
                json_schema: JsonSchema { name: request.schema_name, strict: true, schema: &request.schema },
            },
            max_completion_tokens: request.max_output_tokens,
            temperature: (!is_reasoning_model(model)).then_some(TEMPERATURE),
        }
    }
}

/// Whether the model is of a family that rejects a temperature:
/// <https://platform.openai.com/docs/guides/reasoning#limitations>.
fn is_reasoning_model(model: &str) -> bool {
    // "openai/o3" as routers write it, "ft:o4-mini:org" as fine-tuned models are named.
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let o_series = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    o_series || name.starts_with("gpt-5")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(model: &str) -> Value {
        let request = ChatRequest {
            request_id: "id".into(),
            system: "Make cards.".into(),
            user: "A text.".into(),
            schema_name: "flashcards",
            schema: json!({"type": "object"}),
            max_output_tokens: 100,
        };
        serde_json::to_value(RequestBody::new(model, &request)).unwrap()
    }

    #[test]
    fn the_body_is_the_documented_one() {
        let mut sent = body("gpt-4o-mini");
        let temperature = sent.as_object_mut().unwrap().remove("temperature").unwrap().as_f64().unwrap();
        assert!((temperature - 0.2).abs() < 1e-6);
        assert_eq!(
            sent,
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
            })
        );
    }

    #[test]
    fn reasoning_models_get_no_temperature() {
        for model in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5-nano", "openai/o3", "ft:o4-mini-2025-04-16:us::x"] {
            assert!(body(model).get("temperature").is_none(), "{model}");
        }
        for model in ["gpt-4o", "gpt-4o-mini", "ft:gpt-4o-mini:us::x", "olmo-2", "smollm2"] {
            assert!(body(model).get("temperature").is_some(), "{model}");
        }
    }
}
