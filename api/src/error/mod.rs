//! What goes wrong, as a client reads it: the only place where an error becomes a response.
//!
//! An [`ApiError`] answers as an RFC 9457 problem and travels along in the response's extensions, so that [`legacy`]
//! can write it once more in the words that shipped apps know, around the legacy routes. Handlers and extractors
//! need not know whom they answer. Codes are stable; no detail repeats what the client sent.

mod legacy_limit;
mod refusal;

use std::{borrow::Cow, net::IpAddr};

use axum::{
    Json,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{
    api_keys::Scope,
    audio::AudioError,
    clock,
    job::{JobFailure, JobState},
    queue::EnqueueError,
    redis::UnavailableError,
    users::SuspendError,
};
use utoipa::ToSchema;

pub(crate) use legacy_limit::UserLimitReached;
pub(crate) use refusal::Refusal;

use crate::request_limits::UsedUp;

/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>, section on problem types.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

const MISSING_FIELD: &str = "missing_field";
/// The words of the existing backend, whichever field is missing.
const LEGACY_MISSING: &str = "Missing required fields: content, subject, topic, userId";

/// An answer that is not what the client wished for.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    refusal: Option<Refusal>,
    field: Option<&'static str>,
    detail: Cow<'static, str>,
    /// What legacy answers say beside `error`.
    message: Option<Cow<'static, str>>,
    retry_after: Option<u32>,
    /// The limit that refused the request.
    used_up: Option<Box<UsedUp>>,
    /// Members beside the usual ones.
    more: Option<Box<Map<String, Value>>>,
    /// The existing backend writes no `success` into this legacy answer.
    bare: bool,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            refusal: None,
            field: None,
            detail: detail.into(),
            message: None,
            retry_after: None,
            used_up: None,
            more: None,
            bare: code == MISSING_FIELD,
        }
    }

    fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// `field` is not as it must be.
    pub(crate) fn bad_field(field: &'static str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail).about(field)
    }

    /// `field` is not there, or holds nothing but white space.
    pub(crate) fn missing(field: &'static str) -> Self {
        Self::bad_field(field, MISSING_FIELD, format!("`{field}` is required and must not be blank"))
    }

    /// The body is not JSON by its own account.
    pub(crate) fn unsupported_media_type() -> Self {
        let detail = "The body must be JSON, with `content-type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).about("content-type")
    }

    /// The body is no upload by its own account.
    pub(crate) fn not_an_upload() -> Self {
        let detail = "Send the recording in a form (`multipart/form-data`, field `audio`), or as the body with `content-type: audio/…`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).about("content-type")
    }

    /// The form can't be read; `why` goes on after "The form can't be read: ".
    pub(crate) fn bad_form(why: &'static str) -> Self {
        Self::bad_field("body", "invalid_form", format!("The form can't be read: {why}"))
    }

    /// There is no recording in the form.
    pub(crate) fn no_audio() -> Self {
        Self { bare: true, ..Self::bad_field("audio", "no_audio_file", "No audio file uploaded") }
    }

    /// Nothing says what should have been read.
    pub(crate) fn no_reference_text() -> Self {
        Self { bare: true, ..Self::bad_field("referenceText", "no_reference_text", "Reference text is required") }
    }

    /// The recording has more than `max` bytes.
    pub(crate) fn audio_too_large(max: usize) -> Self {
        let detail = format!("The recording must not be larger than {max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).about("audio")
    }

    /// The recording can't be used, which its first bytes tell.
    pub(crate) fn unusable_audio(error: &AudioError) -> Self {
        let status = match error {
            AudioError::Unknown | AudioError::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.code(), error.to_string()).about("audio")
    }

    /// The recording that the request was held for was not assessed: it can't be used, or something else is wrong.
    pub(crate) fn assessment_failed(failure: JobFailure) -> Self {
        if failure.code.starts_with("audio_") {
            let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "", failure.message).about("audio");
            return Self { code: Cow::Owned(failure.code), ..error };
        }
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "assessment_failed", failure.message);
        Self { bare: true, ..error }
    }

    /// The body has more than `max` bytes.
    pub(crate) fn body_too_large(max: usize) -> Self {
        let detail = format!("The body must not be larger than {max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).about("body")
    }

    /// The body did not arrive in time.
    pub(crate) fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time").about("body")
    }

    /// The head of the request did not arrive in time.
    pub(crate) fn head_timeout() -> Self {
        let detail = "The head of the request did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "head_timeout", detail).about("headers")
    }

    /// Nothing says who asks.
    pub(crate) fn unauthenticated() -> Self {
        let detail = "Say who you are: `authorization: Bearer` with a token, or `x-api-key` with a server's key";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail).about("authorization")
    }

    /// The token says nothing that can be believed.
    pub(crate) fn invalid_token(why: &'static str) -> Self {
        let detail = format!("The token is not accepted: {why}");
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail).about("authorization")
    }

    /// There is no such key, or no longer.
    pub(crate) fn invalid_api_key() -> Self {
        let detail = "There is no such key. It may have been revoked";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", detail).about("x-api-key")
    }

    /// The request names someone else than its token.
    pub(crate) fn user_mismatch(field: &'static str) -> Self {
        let detail = format!("`{field}` names another user than the token");
        Self::new(StatusCode::FORBIDDEN, "user_mismatch", detail).about(field)
    }

    /// `field` is well-formed and cannot be processed.
    pub(crate) fn unprocessable(field: &'static str, code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).about(field)
    }

    /// The key was not made for this.
    pub(crate) fn scope_missing(scope: Scope) -> Self {
        let detail = format!("The key lacks the scope `{}`", scope.as_str());
        Self::new(StatusCode::FORBIDDEN, "scope_missing", detail).about("x-api-key")
    }

    /// No such path.
    pub(crate) fn path_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Nothing lives at this path").about("path")
    }

    /// The path exists, but not for this method.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not know this method; see the `allow` header";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).about("method")
    }

    /// No such job, or another user's: a client must not learn which.
    pub(crate) fn job_not_found() -> Self {
        let detail = "There is no such job. It may have ended and been removed";
        Self::new(StatusCode::NOT_FOUND, "job_not_found", detail).about("id")
    }

    /// The job that should be cancelled has ended.
    pub(crate) fn job_ended(state: JobState) -> Self {
        let detail = format!("The job has ended already: it is {}", state.as_str());
        Self::new(StatusCode::CONFLICT, "job_ended", detail).about("id")
    }

    fn key_reused() -> Self {
        let detail = "This key was used for another request within the last day; a new request needs a new key";
        Self::unprocessable("Idempotency-Key", "idempotency_key_reused", detail)
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.more.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// Monitoring and administration are not for this client.
    pub(crate) fn monitoring_denied(client: IpAddr) -> Self {
        let detail = "Access denied. Monitoring and administration are restricted";
        let hint = "Send the admin token as `Authorization: Bearer TOKEN` or `x-admin-token`; for reading, this address can \
            also be added to MONITORING_ALLOWED_IPS";
        let error = Self::new(StatusCode::FORBIDDEN, "monitoring_access_denied", detail);
        let error = error.with("clientIP", json!(client.to_string())).with("hint", json!(hint));
        Self { bare: true, ..error }
    }

    /// A query or body without `name`.
    pub(crate) fn missing_parameter(name: &'static str, usage: &str) -> Self {
        let error = Self::bad_field(name, "missing_parameter", format!("Missing required parameter: {name}"));
        Self { bare: true, ..error.with("usage", json!(usage)) }
    }

    /// There is no circuit breaker of this name, but these.
    pub(crate) fn unknown_breaker(available: [&'static str; 2]) -> Self {
        let error = Self::bad_field("name", "unknown_circuit_breaker", "There is no circuit breaker of this name");
        error.with("available", json!(available))
    }

    /// As many users are suspended as can be.
    fn too_many_suspended() -> Self {
        let detail = "As many users are suspended as can be; lift a suspension that is no longer needed";
        Self::new(StatusCode::CONFLICT, "too_many_suspended", detail)
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side")
    }

    /// The job that the request was held for ended without a result.
    pub(crate) fn job_failed(failure: JobFailure) -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", failure.message);
        Self { code: Cow::Owned(failure.code), ..error }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl From<UnavailableError> for ApiError {
    fn from(error: UnavailableError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "Redis did not answer");
        Self::unavailable()
    }
}

impl From<EnqueueError> for ApiError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Full { unfinished } => {
                tracing::warn!(queue.unfinished = unfinished, "A job was refused: the queue is full");
                Self::queue_full()
            }
            EnqueueError::OutOfMemory(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "A job was refused: Redis has no memory left (maxmemory)"
                );
                Self::queue_full()
            }
            EnqueueError::KeyReused => Self::key_reused(),
            // Whoever submits a request under limits looks first which one refuses it.
            EnqueueError::Limited => Self::internal(),
            EnqueueError::Suspended => {
                tracing::info!("A job was refused: its user is suspended");
                Self::user_suspended()
            }
            EnqueueError::Killed { reason } => {
                tracing::warn!(reason, "A job was refused: the kill switch of the budget is on");
                Self::over_budget(Cow::Borrowed("New requests are not accepted at the moment"), None)
            }
            EnqueueError::OverBudget { limit, anew_at_ms } => {
                tracing::warn!(limit, "A job was refused: it could overrun the budget");
                let seconds = anew_at_ms.saturating_sub(clock::unix_ms()).div_ceil(1_000);
                let whose = if limit.starts_with("user") { "Your daily" } else { "The monthly" };
                let message = format!("{whose} budget is used up; it begins anew in {seconds} seconds");
                Self::over_budget(Cow::Owned(message), u32::try_from(seconds).ok())
            }
            EnqueueError::Encode(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "A payload can't be encoded");
                Self::internal()
            }
            EnqueueError::Unavailable(error) => error.into(),
        }
    }
}

impl From<SuspendError> for ApiError {
    fn from(error: SuspendError) -> Self {
        match error {
            SuspendError::Full => Self::too_many_suspended(),
            SuspendError::Unavailable(error) => error.into(),
        }
    }
}

/// RFC 9457. With `about:blank` the title is the status in words, and `code` tells errors apart.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// `about:blank`; of a limit that is used up, the type of the IETF's draft, with `violated-policies`.
    #[schema(format = "uri", example = "about:blank")]
    r#type: &'static str,
    #[schema(example = "Bad Request")]
    title: &'static str,
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// For people; what the client sent is not repeated.
    #[schema(example = "`content` must be a string, not a number")]
    detail: &'a str,
    /// Stable: what clients should tell errors apart by.
    #[schema(example = "invalid_type")]
    code: &'a str,
    /// The field, parameter or header that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "content")]
    field: Option<&'static str>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Option<&'a Map<String, Value>>,
}

/// What shipped apps read. The existing backend says nothing but `error` when a field is missing.
#[derive(Serialize, ToSchema)]
pub(crate) struct LegacyError<'a> {
    /// `false`, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = false)]
    success: Option<bool>,
    /// For people.
    error: &'a str,
    /// Stable: what clients should tell errors apart by.
    code: String,
    /// The field, parameter or header that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'static str>,
    /// More words, of a budget that is used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'a str>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Option<&'a Map<String, Value>>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            r#type: if self.used_up.is_some() { QUOTA_EXCEEDED } else { "about:blank" },
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.message.as_deref().unwrap_or(&self.detail),
            code: &self.code,
            field: self.field,
            more: self.more.as_deref(),
        };
        let mut response = self.finish(Json(problem).into_response());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.extensions_mut().insert(self);
        response
    }
}

impl ApiError {
    fn finish(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(used_up) = &self.used_up {
            response = used_up.standings.tell(response);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1: a 401 says how to authenticate.
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The same answer in the legacy dialect; what its headers say stays.
    fn into_legacy_response(self, told: &HeaderMap) -> Response {
        let body = match &self.used_up {
            Some(used_up) => legacy_limit::body(used_up),
            None => self.legacy_body(),
        };
        let mut response = Json(body).into_response();
        for (name, value) in told.iter().filter(|(name, _)| **name != CONTENT_TYPE && **name != CONTENT_LENGTH) {
            response.headers_mut().insert(name, value.clone());
        }
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }

    fn legacy_body(&self) -> serde_json::Value {
        let missing = self.code == MISSING_FIELD;
        let body = LegacyError {
            success: (!self.bare).then_some(false),
            error: if missing { LEGACY_MISSING } else { &self.detail },
            code: self.code.to_ascii_uppercase(),
            field: self.field,
            message: self.message.as_deref(),
            more: self.more.as_deref(),
        };
        serde_json::to_value(body).unwrap_or_default()
    }
}

/// Writes an error in the legacy dialect; leaves every other answer alone.
pub(crate) fn legacy(response: Response) -> Response {
    match response.extensions().get::<ApiError>().cloned() {
        Some(error) => error.into_legacy_response(response.headers()),
        None => response,
    }
}
