//! The part of a chat completion request that matters here.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{api_error::ApiError, lesson::Format, strict_schema};

/// What stands before a schema in a prompt.
const SCHEMA_MARK: &str = "JSON Schema";

#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    messages: Vec<Message>,
    response_format: Option<ResponseFormat>,
    max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    #[serde(default)]
    pub(super) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// A schema in the prompt, where there is no `response_format`.
    #[serde(skip)]
    prompt_schema: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: JsonSchema },
}

#[derive(Debug, Deserialize)]
struct JsonSchema {
    schema: Value,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Message {
    /// The parts of the content that are text.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = self.content.as_array().into_iter().flatten();
        self.content.as_str().into_iter().chain(parts.filter_map(|part| part.get("text")?.as_str()))
    }
}

impl ChatRequest {
    /// Reads and checks a request.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let bad = |message: String| ApiError::invalid(StatusCode::BAD_REQUEST, message);
        let mut request: Self = serde_json::from_slice(body)
            .map_err(|error| bad(format!("We could not parse the JSON body of your request. ({error})")))?;
        if request.messages.is_empty() {
            return Err(bad("Invalid 'messages': empty array. Expected at least 1 message.".to_owned()));
        }
        if let Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { schema, strict: Some(true) } }) =
            &request.response_format
        {
            strict_schema::check(schema)
                .map_err(|why| bad(format!("Invalid schema for response_format: In context={why}")))?;
        }
        if request.response_format.is_none() {
            request.prompt_schema = request.messages.iter().flat_map(Message::texts).find_map(schema_in);
        }
        Ok(request)
    }

    /// The text of the whole prompt, for its cache.
    pub(super) fn prompt(&self) -> String {
        self.messages.iter().flat_map(Message::texts).collect()
    }

    /// Whether a message has this text.
    pub(super) fn has(&self, text: &str) -> bool {
        self.messages.iter().flat_map(Message::texts).any(|part| part.contains(text))
    }

    /// A quarter of the bytes of all messages.
    pub(super) fn prompt_tokens(&self) -> u32 {
        tokens(self.messages.iter().flat_map(Message::texts).map(str::len).sum())
    }

    /// The longest answer that was asked for, by either name.
    pub(super) fn max_output(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// What the rate limit counts up front. Without a maximum only the prompt is known.
    pub(super) fn reserved_tokens(&self, max_output: Option<u32>) -> u32 {
        self.prompt_tokens().saturating_add(max_output.unwrap_or(0))
    }

    pub(super) fn last_user_message(&self) -> String {
        let last = self.messages.iter().rfind(|message| message.role == "user").or(self.messages.last());
        last.map(|message| message.texts().collect()).unwrap_or_default()
    }

    pub(super) fn format(&self) -> Format<'_> {
        match &self.response_format {
            None => self.prompt_schema.as_ref().map_or(Format::Text, Format::Schema),
            Some(ResponseFormat::Text) => Format::Text,
            Some(ResponseFormat::JsonObject) => Format::AnyJson,
            Some(ResponseFormat::JsonSchema { json_schema }) => Format::Schema(&json_schema.schema),
        }
    }

    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }
}

/// The schema that a text holds.
fn schema_in(text: &str) -> Option<Value> {
    let (_, rest) = text.split_once(SCHEMA_MARK)?;
    let schema = &rest[rest.find('{')?..];
    serde_json::Deserializer::from_str(schema).into_iter::<Value>().next()?.ok()
}

/// Four bytes are a token.
pub(super) fn tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_finds_text_in_both_shapes_of_content() {
        let body = br#"{"model": "m", "max_tokens": 7, "messages": [
            {"role": "system", "content": "12345678"},
            {"role": "user", "content": [{"type": "text", "text": "abc"}, {"type": "text", "text": "d"}]},
            {"role": "assistant", "content": null}]}"#;
        let request = ChatRequest::parse(body).unwrap();
        assert_eq!((request.prompt_tokens(), request.reserved_tokens(request.max_output())), (3, 10));
        assert_eq!(request.last_user_message(), "abcd");
    }

    #[test]
    fn refuses_what_openai_refuses() {
        let open = r#"{"model": "m", "messages": [{"role": "user", "content": ""}], "response_format":
            {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}}}"#;
        for body in ["", "{", r#"{"model": "m", "messages": []}"#, r#"{"messages": [{"role": "user"}]}"#, open] {
            assert!(ChatRequest::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
