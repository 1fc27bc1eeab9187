//! The answer as server-sent events.

use std::convert::Infallible;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderValue, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::completion::{Answer, Envelope, Extras, FINGERPRINT};

/// Characters in one event.
const PIECE: usize = 20;

/// 200 with a stream of events.
pub(super) fn response(answer: &Answer, envelope: &Envelope<'_>, usage: Option<&Extras>) -> Response {
    let events = events(answer, envelope, usage).into_iter().map(Ok::<_, Infallible>);
    let mut response = Body::from_stream(stream::iter(events)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response
}

fn events(answer: &Answer, envelope: &Envelope<'_>, usage: Option<&Extras>) -> Vec<String> {
    let include_usage = usage.is_some();
    let event = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": envelope.id, "object": "chat.completion.chunk", "created": envelope.created,
            "model": envelope.model, "system_fingerprint": FINGERPRINT, "choices": choices,
        });
        if include_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish_reason: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        event(json!([choice]), Value::Null)
    };
    let field = if answer.message.refusal.is_some() { "refusal" } else { "content" };
    let text = answer.message.refusal.or(answer.message.content.as_deref()).unwrap_or_default();

    let mut events = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}), None)];
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.char_indices().nth(PIECE).map_or(rest.len(), |(at, _)| at));
        events.push(delta(json!({field: piece}), None));
        rest = after;
    }
    events.push(delta(json!({}), Some(answer.finish_reason)));
    if let Some(extras) = usage {
        events.push(event(json!([]), extras.usage.clone()));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}
