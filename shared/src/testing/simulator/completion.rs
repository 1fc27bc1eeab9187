//! The answer of the model.

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Fault,
    bill::Use,
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

/// An answer, before it takes the shape of one body or of a stream.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) finish_reason: &'static str,
    pub(super) used: Use,
}

/// What a provider adds to an answer.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// `usage`.
    pub(super) usage: Value,
    /// Fields of the answer.
    pub(super) answer: Map<String, Value>,
    /// Fields of its message.
    pub(super) message: Map<String, Value>,
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
    usage: &'a Value,
    system_fingerprint: &'static str,
    #[serde(flatten)]
    extras: &'a Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    message: FullMessage<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct FullMessage<'a> {
    #[serde(flatten)]
    message: &'a Message,
    #[serde(flatten)]
    extras: &'a Map<String, Value>,
}

impl Answer {
    /// Answers a request, as the fault has it, in at most `max_output` tokens after `reasoning` tokens of thoughts.
    pub(super) fn new(request: &ChatRequest, fault: Option<Fault>, max_output: Option<u32>, reasoning: u32) -> Self {
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
        let reasoning = max_output.map_or(reasoning, |most| reasoning.min(most));
        let room = max_output.map_or(usize::MAX, |most| (most - reasoning) as usize * 4);
        if text.len() > room {
            text.truncate(text.floor_char_boundary(room));
            finish_reason = "length";
        }
        let (prompt, completion) = (request.prompt_tokens(), tokens(text.len()).saturating_add(reasoning));
        let refused = fault == Some(Fault::Refusal);
        Self {
            message: Message {
                role: "assistant",
                content: (!refused).then_some(text),
                refusal: refused.then_some(REFUSAL),
            },
            finish_reason,
            used: Use { prompt, completion, reasoning, ..Use::default() },
        }
    }

    /// The answer as one JSON document.
    pub(super) fn to_json(&self, envelope: &Envelope<'_>, extras: &Extras) -> Vec<u8> {
        let message = FullMessage { message: &self.message, extras: &extras.message };
        let completion = Completion {
            id: &envelope.id,
            object: "chat.completion",
            created: envelope.created,
            model: envelope.model,
            choices: [Choice { index: 0, message, logprobs: None, finish_reason: self.finish_reason }],
            usage: &extras.usage,
            system_fingerprint: FINGERPRINT,
            extras: &extras.answer,
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
