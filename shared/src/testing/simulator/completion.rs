//! The answer of the model.

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header::CONTENT_TYPE};
use serde::Serialize;

use super::{
    Fault,
    lesson::{Variant, content},
    request::{ChatRequest, tokens},
};

pub(super) const FINGERPRINT: &str = "fp_simulator";
const REFUSAL: &str = "I'm sorry, but I can't assist with that request.";
const NOT_JSON: &str = "Sure! Here are your cards:\n```json\n{\"cards\": [{\"front\": leaf, }]";

/// What the assistant says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    role: &'static str,
    pub(super) content: Option<String>,
    pub(super) refusal: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are OpenAI's")]
pub(super) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    pub(super) total_tokens: u32,
}

/// An answer, before it takes the shape of one body or of a stream.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) finish_reason: &'static str,
    pub(super) usage: Usage,
}

/// What names an answer.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: &'a str,
}

impl<'a> Envelope<'a> {
    pub(super) fn new(index: u64, model: &'a str) -> Self {
        Self { id: format!("chatcmpl-sim{index:08}"), created: crate::clock::unix_ms() / 1_000, model }
    }
}

#[derive(Debug, Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
    system_fingerprint: &'static str,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    message: &'a Message,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

impl Answer {
    /// Answers a request, as the fault has it.
    pub(super) fn new(request: &ChatRequest, fault: Option<Fault>) -> Self {
        let write = |variant| content(&request.last_user_message(), &request.format(), variant);
        let mut finish_reason = "stop";
        let mut text = match fault {
            Some(Fault::Refusal) => REFUSAL.to_owned(),
            Some(Fault::Empty) => String::new(),
            Some(Fault::MalformedJson) => NOT_JSON.to_owned(),
            Some(Fault::InvalidCards) => write(Variant::Invalid),
            Some(Fault::FewCards) => write(Variant::Few),
            _ => write(Variant::Proper),
        };
        if fault == Some(Fault::CutOff) {
            text.truncate(text.floor_char_boundary(text.len() / 2));
            finish_reason = "length";
        }
        let room = request.max_output().map_or(usize::MAX, |tokens| tokens as usize * 4);
        if text.len() > room {
            text.truncate(text.floor_char_boundary(room));
            finish_reason = "length";
        }
        let (prompt_tokens, completion_tokens) = (request.prompt_tokens(), tokens(text.len()));
        let refused = fault == Some(Fault::Refusal);
        Self {
            message: Message {
                role: "assistant",
                content: (!refused).then_some(text),
                refusal: refused.then_some(REFUSAL),
            },
            finish_reason,
            usage: Usage {
                prompt_tokens,
                completion_tokens,
                total_tokens: prompt_tokens.saturating_add(completion_tokens),
            },
        }
    }

    /// The answer as one JSON document.
    pub(super) fn to_json(&self, envelope: &Envelope<'_>) -> Vec<u8> {
        let completion = Completion {
            id: &envelope.id,
            object: "chat.completion",
            created: envelope.created,
            model: envelope.model,
            choices: [Choice { index: 0, message: &self.message, logprobs: None, finish_reason: self.finish_reason }],
            usage: self.usage,
            system_fingerprint: FINGERPRINT,
        };
        serde_json::to_vec(&completion).unwrap_or_default()
    }
}

/// 200 with this body.
pub(super) fn json_response(body: impl Into<Bytes>) -> Response {
    let mut response = Body::from(body.into()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
