//! Requests that are refused although nothing is wrong with them.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::json;
use shared::{label_values, telemetry::Label};

use super::ApiError;
use crate::request_limits::UsedUp;

/// Seconds until a client may retry after Redis was unreachable: it returns within seconds or not
/// soon.
const RETRY_UNAVAILABLE: u32 = 2;
/// Seconds until a client may retry after it kept too much open: one of these must end first.
const RETRY_HELD: u32 = 5;
/// Seconds until a client may retry after the queue was full: some jobs must end first.
const RETRY_QUEUE_FULL: u32 = 30;

label_values! {
    /// Why a valid request was refused, by the code of its error.
    pub(crate) enum Refusal {
        AddressLimit = "address_rate_limit_exceeded",
        Budget = "budget_limit_exceeded",
        Overloaded = "overloaded",
        QueueFull = "queue_full",
        TooManyHeld = "too_many_held_requests",
        Unavailable = "service_unavailable",
        UserLimit = "user_rate_limit_exceeded",
        UserSuspended = "user_suspended",
    }
}

impl Refusal {
    /// The status of the response.
    const fn status(self) -> StatusCode {
        match self {
            Self::AddressLimit | Self::Budget | Self::TooManyHeld | Self::UserLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::QueueFull | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UserSuspended => StatusCode::FORBIDDEN,
        }
    }
}

impl ApiError {
    fn refused(refusal: Refusal, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { refusal: Some(refusal), ..Self::new(refusal.status(), refusal.as_str(), detail) }
    }

    /// An operator has suspended the user, who is not told why.
    pub(super) fn user_suspended() -> Self {
        let detail = "This account is suspended: no new job is accepted for it. What it has can still be read";
        Self::refused(Refusal::UserSuspended, detail)
    }

    /// Redis is away.
    pub(crate) fn unavailable() -> Self {
        let detail = "The service can't be used right now; try again shortly";
        Self { retry_after: Some(RETRY_UNAVAILABLE), ..Self::refused(Refusal::Unavailable, detail) }
    }

    /// The process has as many requests in hand as it can hold.
    pub(crate) fn overloaded() -> Self {
        let detail = "Too many requests at once; try again shortly";
        Self { retry_after: Some(1), ..Self::refused(Refusal::Overloaded, detail) }
    }

    /// Too many requests, streams and bodies are kept open already.
    pub(crate) fn too_many_held(most: u32, whose: &str) -> Self {
        let detail = format!(
            "No more than {most} requests that wait, streams and uploads at once from {whose}; end one, or ask without \
             `wait`"
        );
        Self { retry_after: Some(RETRY_HELD), ..Self::refused(Refusal::TooManyHeld, detail) }
    }

    pub(super) fn queue_full() -> Self {
        let detail = "Too many jobs wait already; try again later";
        Self { retry_after: Some(RETRY_QUEUE_FULL), ..Self::refused(Refusal::QueueFull, detail) }
    }

    /// The budget does not allow it.
    pub(super) fn over_budget(message: Cow<'static, str>, retry_after: Option<u32>) -> Self {
        let detail = "Service temporarily unavailable due to budget limits";
        let error = Self::refused(Refusal::Budget, detail);
        Self { message: Some(message), retry_after, ..error }
    }

    /// A limit of requests is used up.
    pub(crate) fn used_up(used_up: UsedUp) -> Self {
        let limit = used_up.limit();
        let (refusal, whose) = match limit.limit.name {
            name if name.starts_with("user") => (Refusal::UserLimit, "you"),
            _ => (Refusal::AddressLimit, "your address"),
        };
        let (most, seconds, left) = (limit.limit.most, limit.limit.window.as_secs(), used_up.retry_after());
        let detail = format!("No more than {most} requests in {seconds} s from {whose}; try again in {left} s");
        // As `RateLimit-Policy` names it.
        let violated = json!([limit.limit.name]);
        let error = Self::refused(refusal, detail).with("violated-policies", violated);
        Self { retry_after: Some(left), used_up: Some(Box::new(used_up)), ..error }
    }

    /// Why a valid request was refused, if that is what happened.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}
