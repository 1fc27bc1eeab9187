//! Errors as OpenAI words them.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    limits::{Dimension, Exceeded},
    profile::Provider,
    rate_headers,
};

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
    /// In place of what its provider makes of the rest.
    body: Option<Box<Value>>,
    retry_after_ms: Option<u64>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into(), body: None, retry_after_ms: None }
    }

    /// 400 or another error of the caller's.
    pub(super) fn invalid(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    pub(super) const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The parameter that it is about.
    pub(super) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// A body of its own.
    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(Box::new(body));
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The body as OpenAI writes it.
    pub(super) fn openai_body(&self) -> Value {
        json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }})
    }

    /// The answer as the provider writes it.
    pub(super) fn respond(mut self, provider: Option<&dyn Provider>) -> Response {
        if self.body.is_none()
            && let Some(provider) = provider
        {
            self.body = Some(Box::new(provider.error_body(&self)));
        }
        self.into_response()
    }

    pub(super) const fn retry_after_ms(mut self, wait_ms: Option<u64>) -> Self {
        self.retry_after_ms = wait_ms;
        self
    }

    /// 429 of the rate limit.
    pub(super) fn exceeded(exceeded: &Exceeded) -> Self {
        let Exceeded { dimension, limit, used, requested, wait_us } = *exceeded;
        let (kind, unit) = match dimension {
            Dimension::Requests => ("requests", "RPM"),
            Dimension::Tokens => ("tokens", "TPM"),
        };
        let wait_ms = wait_us.div_ceil(1_000);
        let message = format!(
            "Rate limit reached in organization org-simulator on {kind} per min ({unit}): Limit {limit}, Used {used}, \
             Requested {requested}. Please try again in {wait_ms}ms."
        );
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, kind, message);
        error.code("rate_limit_exceeded").retry_after_ms(Some(wait_ms))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = self.body.as_deref().cloned().unwrap_or_else(|| self.openai_body());
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait_ms) = self.retry_after_ms {
            rate_headers::add_retry_after(response.headers_mut(), wait_ms);
        }
        response
    }
}
