//! A chat completion.

use std::sync::Arc;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value};

use super::{
    Fault, ProviderProfile,
    api_error::ApiError,
    bill::{Charge, Use},
    completion::{Answer, Envelope, Extras, json_response},
    fault_answer::{closed_connection, refusal},
    faults::Injected,
    profile::{CallBody, Provider, bearer, missing_key, plain_usage},
    rate_headers,
    request::ChatRequest,
    state::{Ask, Call, Stopped, Upstream, Verdict},
    stream,
};

/// What a caller sends to find its call again in the log.
static CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Tokens of a prompt's beginning that a provider caches; shorter prompts are not cached.
const CACHED_TOKENS: u32 = 1_024;

/// A request that the provider accepts, and what its rules make of it.
struct Accepted {
    request: ChatRequest,
    key: u64,
    max_output: Option<u32>,
    reasoning: u32,
    tier: Option<&'static str>,
    writes_cache: bool,
    /// More fields of the answer, and of its message.
    extras: (Map<String, Value>, Map<String, Value>),
}

impl Accepted {
    fn read(
        upstream: &Upstream,
        rules: Option<&dyn Provider>,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, ApiError> {
        let Some(rules) = rules else {
            let key = upstream.key_of(bearer(headers).ok_or_else(missing_key)?);
            let request = ChatRequest::parse(body)?;
            let max_output = request.max_output();
            let extras = Default::default();
            return Ok(Self { request, key, max_output, reasoning: 0, tier: None, writes_cache: false, extras });
        };
        let key = upstream.key_of(rules.key(headers, uri)?);
        let request = ChatRequest::parse(body)?;
        let fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let call = CallBody { fields: &fields, model: &request.model, prompt_tokens: request.prompt_tokens() };
        rules.check(&call)?;
        let tier = rules.tier(&call);
        Ok(Self {
            key,
            max_output: rules.max_output(&call),
            reasoning: rules.reasoning_tokens(&call),
            tier,
            writes_cache: rules.writes_cache(&call),
            extras: rules.extras(&call, tier),
            request,
        })
    }
}

/// Answers one call. The log shows it before anything is awaited.
pub(super) async fn chat(
    upstream: Arc<Upstream>,
    profile: ProviderProfile,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let accepted = Accepted::read(&upstream, profile.rules(), uri, headers, body);
    let ask = accepted.as_ref().ok().map(|accepted| Ask {
        key: accepted.key,
        reserved: accepted.request.reserved_tokens(accepted.max_output),
        limited: true,
    });
    let request_id = headers.get(&CLIENT_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let has = |text: &str| accepted.as_ref().is_ok_and(|accepted| accepted.request.has(text));
    let call = upstream.arrive(request_id, ask, has);
    match answer(&upstream, profile, &call, accepted).await {
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
async fn answer(
    upstream: &Upstream,
    profile: ProviderProfile,
    call: &Call,
    accepted: Result<Accepted, ApiError>,
) -> Result<(Response, u32), Stopped> {
    call.pass_gate().await?;
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => return Ok((error.respond(profile.rules()), 0)),
    };
    let injected = match call.verdict {
        Verdict::Exceeded(exceeded) => return Ok((ApiError::exceeded(&exceeded).respond(profile.rules()), 0)),
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
    Ok(completion(upstream, profile, call.index, accepted, injected.map(|injected| injected.fault)))
}

fn completion(
    upstream: &Upstream,
    profile: ProviderProfile,
    index: u64,
    accepted: Accepted,
    fault: Option<Fault>,
) -> (Response, u32) {
    let Accepted { request, max_output, reasoning, tier, writes_cache, extras, .. } = accepted;
    let mut answer = Answer::new(&request, fault, max_output, reasoning);
    let percent = upstream.config().used_percent;
    if percent > 0 {
        let used = u64::from(request.reserved_tokens(max_output)) * u64::from(percent) / 100;
        answer.used.completion = u32::try_from(used).unwrap_or(u32::MAX).saturating_sub(answer.used.prompt);
    }
    if profile.rules().is_some_and(Provider::caches) {
        count_cache(upstream, &request, writes_cache, &mut answer.used);
    }
    let used = &answer.used;
    let charge = Charge::new(profile.price(&request.model), used, tier);
    upstream.charge(used, charge);
    let usage = profile.rules().map_or_else(|| plain_usage(used), |rules| rules.usage(used, &charge));
    let extras = Extras { usage, answer: extras.0, message: extras.1 };
    let envelope = Envelope::new(index, &request.model);
    let response = if fault == Some(Fault::MalformedBody) {
        let mut body = answer.to_json(&envelope, &extras);
        body.truncate(body.len() / 2);
        json_response(body)
    } else if request.stream == Some(true) {
        stream::response(&answer, &envelope, request.include_usage().then_some(&extras))
    } else {
        json_response(answer.to_json(&envelope, &extras))
    };
    (response, used.prompt.saturating_add(used.completion))
}

/// A prompt whose beginning was sent before is read from the cache so far; one that is new is written into it.
fn count_cache(upstream: &Upstream, request: &ChatRequest, writes: bool, used: &mut Use) {
    if used.prompt < CACHED_TOKENS {
        return;
    }
    let prompt = request.prompt();
    let beginning = &prompt[..prompt.floor_char_boundary(CACHED_TOKENS as usize * 4)];
    if upstream.is_cached(beginning) {
        used.cached = CACHED_TOKENS;
    } else if writes {
        used.cache_write = CACHED_TOKENS;
    }
}
