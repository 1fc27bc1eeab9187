//! From an HTTP status, and whatever came with it, to the error.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::http_call::google_duration;

use super::{
    Misconfiguration, OpenAiError, RateHeaders,
    misconfiguration::{Fault, Said, fault_of},
    refusal::{Figures, is_about_account, is_about_money, is_moderation, is_too_large},
};

/// Longest text of the provider's that is kept.
const MESSAGE_CHARS: usize = 300;
/// A text that repeats this many characters of the prompt is withheld.
const ECHO_CHARS: usize = 24;

/// Codes that say that money or an allowance is gone. Waiting does not help:
/// <https://platform.openai.com/docs/guides/error-codes/api-errors>.
const QUOTA_CODES: [&str; 7] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
];

/// The error's kind is decided by the status first: a gateway's HTML page is still a 429 or a 500.
pub(super) fn classify(
    status: StatusCode,
    (retry_after, rate): (Option<Duration>, RateHeaders),
    body: &[u8],
    prompt: &[&str],
) -> OpenAiError {
    let ErrorBody { code, kind, parameter, details, message, metadata, unstructured } = ErrorBody::read(body);
    let is = |name: &str| [&code, &kind].into_iter().flatten().any(|word| word == name);
    if let Some(code) = QUOTA_CODES.into_iter().find(|name| status.is_client_error() && is(name)) {
        return OpenAiError::QuotaSpent { code: code.to_owned() };
    }
    let said = code.as_deref().or(kind.as_deref());
    let figures = Figures::read(&message);
    let retry_after = retry_after.or(details.retry_after);
    let misconfigured = |(fault, parameter)| {
        let shown = Misconfiguration::new(fault, status.as_u16());
        let code = said.map(shorten).filter(|code| !repeats(code, prompt));
        OpenAiError::Misconfigured(Box::new(Misconfiguration { code, parameter, ..shown }))
    };
    let fault = || {
        let codes: Vec<String> = [&code, &kind].into_iter().flatten().cloned().chain(details.reasons.clone()).collect();
        let message = if repeats(&message, prompt) { "" } else { message.as_str() };
        fault_of(status, &Said { codes: &codes, parameter: parameter.as_deref(), message, unstructured })
    };
    match status.as_u16() {
        402 if let Some(retry_after) = retry_after => OpenAiError::PauseAsked { status: 402, retry_after },
        // Compatible providers say so when the balance is gone.
        402 if is_about_money(said, &message) => {
            OpenAiError::QuotaSpent { code: code.map_or_else(|| "payment_required".to_owned(), |code| shorten(&code)) }
        }
        403 if is_moderation(said, &metadata) => OpenAiError::Moderated,
        403 if is_about_account(said, &message) => misconfigured(fault().unwrap_or((Fault::Account, None))),
        402 | 403 => OpenAiError::Denied { status: status.as_u16() },
        413 | 429 if status == 413 || is_too_large(said, &message) => too_large(figures),
        400 | 422 if is_too_large(said, &message) => too_large(figures),
        429 => OpenAiError::RateLimited { retry_after, rate, plain: figures.is_some() },
        503 if is("slow_down") => OpenAiError::RateLimited { retry_after, rate, plain: true },
        // OpenAI's own clients take these two for passing trouble as well.
        408 | 409 => OpenAiError::Server { status: status.as_u16(), retry_after },
        400..=499 if is("content_filter") => OpenAiError::ContentFilter,
        // The model's fault, and not the request's: https://console.groq.com/docs/structured-outputs
        400 if is("json_validate_failed") => OpenAiError::Malformed { what: "the provider found no JSON in it" },
        300..=499 if let Some(fault) = fault() => misconfigured(fault),
        400..=499 => {
            let message = if repeats(&message, prompt) {
                "(withheld, since it repeats the prompt)".to_owned()
            } else {
                shorten(&message)
            };
            OpenAiError::BadRequest { code: code.as_deref().map(shorten), message }
        }
        status => OpenAiError::Server { status, retry_after },
    }
}

fn too_large(figures: Option<Figures>) -> OpenAiError {
    OpenAiError::RequestTooLarge {
        limit: figures.map(|figures| figures.limit),
        requested: figures.map(|figures| figures.requested),
    }
}

/// At most [`MESSAGE_CHARS`] characters of the text.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS).collect()
}

/// Whether the part of the message that would be kept repeats a stretch of the prompt.
pub(super) fn repeats(message: &str, prompt: &[&str]) -> bool {
    let kept: Vec<char> = message.chars().take(MESSAGE_CHARS).collect();
    kept.windows(ECHO_CHARS).any(|stretch| {
        let stretch: String = stretch.iter().collect();
        prompt.iter().any(|part| part.contains(&stretch))
    })
}

/// What an error says about itself, as far as it can be read. Compatible servers write a number or nothing where OpenAI
/// writes a code, so its type of the body, which async-openai follows, would not do.
#[derive(Default)]
struct ErrorBody {
    code: Option<String>,
    kind: Option<String>,
    /// The parameter that it is about: the first part of its path.
    parameter: Option<String>,
    details: Details,
    message: String,
    metadata: Value,
    /// It is a web page, or nothing: whoever wrote it is no API.
    unstructured: bool,
}

/// `details` of Google's errors. <https://cloud.google.com/apis/design/errors#error_details>
#[derive(Default)]
struct Details {
    reasons: Vec<String>,
    retry_after: Option<Duration>,
}

impl Details {
    fn read(details: &Value) -> Self {
        let all = || details.as_array().into_iter().flatten();
        let reasons = all().filter_map(|detail| detail["reason"].as_str().map(str::to_owned)).collect();
        let retry_after = all().find_map(|detail| google_duration(detail["retryDelay"].as_str()?));
        Self { reasons, retry_after }
    }
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Self { unstructured: true, ..Self::default() };
        };
        // Gemini wraps its error in an array.
        let body = body.get(0).unwrap_or(&body);
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
        let word = |name| match error.get(name) {
            Some(Value::String(word)) if !word.is_empty() => Some(word.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let message = word("message").or_else(|| word("error")).or_else(|| word("detail")).unwrap_or_default();
        let metadata = error.get("metadata").cloned().unwrap_or_default();
        Self {
            code: word("code"),
            kind: word("type"),
            parameter: word("param").or_else(|| refused_place(error)).map(|path| first_of(&path)),
            details: Details::read(&error["details"]),
            message,
            metadata,
            unstructured: false,
        }
    }
}

/// Where the validation of `FastAPI` found something wrong: <https://fastapi.tiangolo.com/tutorial/handling-errors/>.
fn refused_place(error: &Value) -> Option<String> {
    let path = error["detail"].get(0)?["loc"].as_array()?;
    path.iter().filter_map(Value::as_str).find(|part| *part != "body").map(str::to_owned)
}

fn first_of(path: &str) -> String {
    path.split(['.', '[']).next().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> OpenAiError {
        let wait = Some(Duration::from_secs(7));
        classify(
            StatusCode::from_u16(status).unwrap(),
            (wait, RateHeaders::default()),
            body.as_bytes(),
            &["Explain the water cycle to a child of nine"],
        )
    }

    fn coded(code: &str, kind: &str) -> String {
        format!(r#"{{"error":{{"message":"no","type":"{kind}","param":null,"code":"{code}"}}}}"#)
    }

    #[test]
    fn the_status_decides_whatever_the_body() {
        for body in
            ["", "<html>busy</html>", "null", "[]", "{}", r#"{"error":null}"#, r#"{"error":{"code":7}}"#, "\u{0}"]
        {
            assert!(matches!(of(401, body).code(), Some("openai_key_rejected")), "{body}");
            assert!(matches!(of(404, body).code(), Some("openai_model_unknown")), "{body}");
            assert!(matches!(of(402, body), OpenAiError::PauseAsked { status: 402, .. }), "{body}");
            assert!(matches!(of(403, body), OpenAiError::Denied { status: 403 }), "{body}");
            assert!(matches!(of(413, body), OpenAiError::RequestTooLarge { .. }), "{body}");
            assert!(matches!(of(429, body), OpenAiError::RateLimited { retry_after: Some(_), .. }), "{body}");
            for status in [400, 422, 451] {
                assert!(matches!(of(status, body), OpenAiError::BadRequest { .. }), "{status} {body}");
            }
            for expected in [302, 408, 409, 500, 502, 503, 504, 529] {
                let error = of(expected, body);
                assert!(matches!(error, OpenAiError::Server { status, .. } if status == expected), "{error}");
            }
        }
    }

    #[test]
    fn a_429_is_a_spent_quota_only_where_it_says_so() {
        for code in QUOTA_CODES {
            assert!(
                matches!(of(429, &coded(code, "requests")), OpenAiError::QuotaSpent { code: told } if told == code)
            );
            assert!(matches!(of(429, &coded("", code)), OpenAiError::QuotaSpent { code: told } if told == code));
        }
        assert!(matches!(of(400, &coded("billing_hard_limit_reached", "")), OpenAiError::QuotaSpent { .. }));
        for code in ["rate_limit_exceeded", "slow_down", "tokens"] {
            assert!(matches!(of(429, &coded(code, "tokens")), OpenAiError::RateLimited { .. }), "{code}");
        }
        assert!(matches!(of(503, &coded("slow_down", "")), OpenAiError::RateLimited { .. }));
        assert!(matches!(of(500, &coded("insufficient_quota", "")), OpenAiError::Server { status: 500, .. }));
    }

    #[test]
    fn a_rejected_request_keeps_code_and_words() {
        let rejected = |body: &str| match of(400, body) {
            OpenAiError::BadRequest { code, message } => (code, message),
            other => panic!("{other}"),
        };
        assert_eq!(rejected(&coded("unsupported_text", "")), (Some("unsupported_text".into()), "no".into()));
        assert_eq!(rejected(r#"{"error":{"code":400,"message":"bad"}}"#), (Some("400".into()), "bad".into()));
        assert_eq!(rejected(r#"{"error":"bad"}"#), (None, "bad".into()));
        assert_eq!(rejected(r#"{"detail":"bad"}"#), (None, "bad".into()));
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ж".repeat(1_000));
        assert_eq!(rejected(&long).1.chars().count(), MESSAGE_CHARS);
        assert!(matches!(of(400, &coded("content_filter", "")), OpenAiError::ContentFilter));
    }

    #[test]
    fn a_message_that_repeats_the_prompt_is_withheld() {
        let quotes = |body: &str| match of(400, body) {
            OpenAiError::BadRequest { message, .. } => message.contains("water cycle"),
            other => panic!("{other}"),
        };
        assert!(!quotes(r#"{"error":{"message":"cannot parse: Explain the water cycle to a child"}}"#));
        assert!(quotes(r#"{"error":{"message":"cannot parse: the water cycle"}}"#));
    }
}
