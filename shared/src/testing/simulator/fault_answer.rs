//! Answers of faults that keep the model from answering.

use std::io;

use axum::{
    body::{Body, Bytes},
    response::{Html, IntoResponse, Response},
};
use futures_util::{future::ready, stream};
use http::StatusCode;
use serde_json::json;

use super::{Fault, api_error::ApiError, faults::Injected};

/// How long a rate-limited call is told to wait when nobody says.
const RETRY_AFTER_MS: u64 = 1_000;

/// The answer, or `None` for a fault that lets the model answer or gives no answer at all.
pub(super) fn refusal(injected: Injected) -> Option<Response> {
    let error = match injected.fault {
        Fault::RateLimit => {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "requests", "Rate limit reached. (injected fault)")
                .code("rate_limit_exceeded")
                .retry_after_ms(Some(injected.retry_after_ms.unwrap_or(RETRY_AFTER_MS)))
        }
        Fault::WordlessRateLimit => return Some((StatusCode::TOO_MANY_REQUESTS, "").into_response()),
        Fault::RequestTooLarge => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "tokens",
            "Request too large for gpt-4o in organization org-simulator on tokens per min (TPM): Limit 30000, Requested \
             310340. The input or output tokens must be reduced in order to run successfully.",
        )
        .code("rate_limit_exceeded"),
        Fault::InsufficientQuota => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        )
        .code("insufficient_quota"),
        Fault::Unauthorized => {
            ApiError::invalid(StatusCode::UNAUTHORIZED, "Incorrect API key provided.").code("invalid_api_key")
        }
        Fault::Forbidden => ApiError::invalid(StatusCode::FORBIDDEN, "Country, region, or territory not supported.")
            .code("unsupported_country_region_territory"),
        // <https://openrouter.ai/docs/guides/moderation>
        Fault::Moderation => ApiError::invalid(StatusCode::FORBIDDEN, "Your input was flagged").body(json!({"error": {
            "code": 403, "message": "Your input was flagged",
            "metadata": {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI"},
        }})),
        Fault::HtmlForbidden => {
            let page = "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>";
            return Some((StatusCode::FORBIDDEN, Html(page)).into_response());
        }
        Fault::BadRequest => ApiError::invalid(StatusCode::BAD_REQUEST, "Invalid request. (injected fault)"),
        Fault::ModelNotFound => ApiError::invalid(
            StatusCode::NOT_FOUND,
            "The model `m` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations",
        )
        .code("model_not_found"),
        Fault::ServerError => ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "The server had an error while processing your request. Sorry about that!",
        ),
        Fault::Unavailable => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            "The engine is currently overloaded, please try again later.",
        )
        .retry_after_ms(injected.retry_after_ms),
        Fault::HtmlError => {
            let page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
            return Some((StatusCode::BAD_GATEWAY, Html(page)).into_response());
        }
        _ => return None,
    };
    Some(error.into_response())
}

/// Closes the connection: the body fails before anything of the answer was sent, head included.
pub(super) fn closed_connection() -> Response {
    let broken = io::Error::new(io::ErrorKind::ConnectionAborted, "injected fault");
    Body::from_stream(stream::once(ready(Err::<Bytes, _>(broken)))).into_response()
}
