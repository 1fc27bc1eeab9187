//! Errors as OpenAI words them.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

use super::{
    limits::{Dimension, Exceeded},
    rate_headers,
};

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    retry_after_ms: Option<u64>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, message: message.into(), retry_after_ms: None }
    }

    /// 400 or another error of the caller's.
    pub(super) fn invalid(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    pub(super) const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
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
        let body = json!({"error": {
            "message": self.message, "type": self.kind, "param": null, "code": self.code,
        }});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait_ms) = self.retry_after_ms {
            rate_headers::add_retry_after(response.headers_mut(), wait_ms);
        }
        response
    }
}
