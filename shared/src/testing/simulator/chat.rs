//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::AUTHORIZATION};

use super::{
    Fault,
    api_error::ApiError,
    completion::{Answer, Envelope, json_response},
    fault_answer::{closed_connection, refusal},
    faults::Injected,
    rate_headers,
    request::ChatRequest,
    state::{Ask, Call, Stopped, Upstream, Verdict},
    stream,
};

/// What a caller sends to find its call again in the log.
static CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers one call. The log shows it before anything is awaited.
pub(super) async fn chat(State(upstream): State<Arc<Upstream>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = bearer(&headers).and_then(|secret| Ok((upstream.key_of(secret), ChatRequest::parse(&body)?)));
    let ask = request.as_ref().ok().map(|(key, request)| Ask {
        key: *key,
        reserved: request.reserved_tokens(),
        limited: true,
    });
    let request_id = headers.get(&CLIENT_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let call = upstream.arrive(request_id, ask);
    match answer(&call, request.map(|(_, request)| request)).await {
        Ok((mut response, used)) => {
            call.answered(response.status().as_u16(), used);
            rate_headers::add(response.headers_mut(), &call.levels);
            if let Ok(id) = HeaderValue::try_from(format!("req_{:08}", call.index)) {
                response.headers_mut().insert(REQUEST_ID.clone(), id);
            }
            response
        }
        Err(Stopped) => closed_connection(),
    }
}

/// The answer and the tokens that it used, or that there is to be none.
async fn answer(call: &Call, request: Result<ChatRequest, ApiError>) -> Result<(Response, u32), Stopped> {
    call.pass_gate().await?;
    let request = match request {
        Ok(request) => request,
        Err(error) => return Ok((error.into_response(), 0)),
    };
    let injected = match call.verdict {
        Verdict::Exceeded(exceeded) => return Ok((ApiError::exceeded(&exceeded).into_response(), 0)),
        Verdict::Fault(injected) => Some(injected),
        Verdict::Answer => None,
    };
    if !injected.is_some_and(|injected| injected.fault.at_the_door()) {
        call.work().await?;
    }
    match injected {
        Some(Injected { fault: Fault::Drop, .. }) => return Err(Stopped),
        Some(Injected { fault: Fault::Stall, .. }) => return Err(call.stall().await),
        Some(injected) => {
            if let Some(response) = refusal(injected) {
                return Ok((response, 0));
            }
        }
        None => {}
    }
    Ok(completion(call.index, &request, injected.map(|injected| injected.fault)))
}

fn completion(index: u64, request: &ChatRequest, fault: Option<Fault>) -> (Response, u32) {
    let answer = Answer::new(request, fault);
    let envelope = Envelope::new(index, &request.model);
    let response = if fault == Some(Fault::MalformedBody) {
        let mut body = answer.to_json(&envelope);
        body.truncate(body.len() / 2);
        json_response(body)
    } else if request.stream == Some(true) {
        stream::response(&answer, &envelope, request.include_usage())
    } else {
        json_response(answer.to_json(&envelope))
    };
    (response, answer.usage.total_tokens)
}

/// Any key will do, as long as there is one.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).filter(|key| !key.is_empty()).ok_or_else(
        || {
            let message = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                       using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
            ApiError::invalid(StatusCode::UNAUTHORIZED, message)
        },
    )
}
