//! The same simulator as Azure Speech's pronunciation assessment.
//!
//! It holds a call to the contract: address, headers, settings, and a recording that is really what its header says. The scores
//! are made of the reference text, always the same for the same text, with a word said wrongly here and there; silence is
//! not heard. A call passes, in this order: key and syntax; a fault that refuses at the door; the ceiling of calls in flight;
//! the gate; the latency; then any other fault, or the answer.

mod answer;
mod book;
mod recording;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::json;

pub use book::SpeechStats;
pub(super) use book::{Book, Place};

use self::{recording::Recording, request::Settings};
use super::{
    Fault,
    fault_answer::{closed_connection, refusal},
    state::{Ask, Call, Stopped, Upstream, Verdict},
};

/// Where it answers.
pub(super) const PATH: &str = "/speech/recognition/conversation/cognitiveservices/v1";

/// A call that keeps to the contract.
struct Asked {
    settings: Settings,
    recording: Recording,
    digest: [u8; 32],
}

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(StatusCode, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": {"code": self.0.as_str(), "message": self.1}}))).into_response()
    }
}

fn bad(what: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, what)
}

/// Answers one call. The log shows it before anything is awaited.
pub(super) async fn assess(
    State(upstream): State<Arc<Upstream>>,
    Query(query): Query<request::Address>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = request::key(&headers).and_then(|key| {
        query.check()?;
        let settings = Settings::read(&headers)?;
        let recording = Recording::read(&headers, &body)?;
        let digest = book::digest(&body, &settings.reference_text);
        Ok((upstream.key_of(key), Asked { settings, recording, digest }))
    });
    let ask = asked.as_ref().ok().map(|(key, _)| Ask { key: *key, reserved: 0, limited: false });
    let request_id = headers.get("x-client-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let call = upstream.arrive(request_id, ask, |_| false);
    let place = upstream.speech.enter(upstream.config().speech_max_concurrent);
    match answer(&call, place.as_ref(), asked.map(|(_, asked)| asked)).await {
        Ok(response) => {
            call.answered(response.status().as_u16(), 0);
            response
        }
        Err(Stopped) => closed_connection(),
    }
}

async fn answer(call: &Call, place: Option<&Place>, asked: Result<Asked, Refusal>) -> Result<Response, Stopped> {
    let asked = match asked {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let injected = match call.verdict {
        Verdict::Fault(injected) => Some(injected),
        _ => None,
    };
    let fault = injected.map(|injected| injected.fault);
    if let Some(refused) = injected.filter(|injected| injected.fault.at_the_door()).and_then(refusal) {
        return Ok(refused);
    }
    let Some(place) = place else {
        return Ok(Refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests at once.").into_response());
    };
    call.pass_gate().await?;
    call.work().await?;
    match fault {
        Some(Fault::Drop) => return Err(Stopped),
        Some(Fault::Stall) => return Err(call.stall().await),
        _ => {}
    }
    if let Some(refused) = injected.and_then(refusal) {
        return Ok(refused);
    }
    let status = match fault {
        Some(Fault::NoMatch) => "NoMatch",
        Some(Fault::RecognitionError) => "Error",
        _ if asked.recording.silent => "InitialSilenceTimeout",
        _ => "Success",
    };
    place.answered(asked.digest);
    if status != "Success" {
        return Ok(Json(json!({"RecognitionStatus": status, "Offset": 0, "Duration": 0})).into_response());
    }
    let mut body = answer::body(&asked.settings, asked.recording.duration_ms).to_string();
    if matches!(fault, Some(Fault::MalformedBody | Fault::MalformedJson)) {
        body.truncate(body.floor_char_boundary(body.len() / 2));
    }
    Ok(super::completion::json_response(body))
}
