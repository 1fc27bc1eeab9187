//! Whole replies, good and bad.

use std::time::Duration;

use super::{super::Usage, OpenAi, OpenAiError, Then, Upstream, reply, settings};

const GOOD: &str = r#"{
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "{\"cards\":[]}"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
}"#;

async fn error_of(status: &str, headers: &str, body: &str) -> OpenAiError {
    let upstream = Upstream::start(reply(status, headers, body), Then::Close).await;
    let error = upstream.ask().await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1, "{status}: one call is one request");
    error
}

#[tokio::test]
async fn an_answer_brings_content_usage_and_limits() {
    let headers = "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-tokens: -1\r\nx-request-id: req_1\r\n";
    let upstream = Upstream::start(reply("200 OK", headers, GOOD), Then::Close).await;
    let answer = upstream.ask().await.unwrap();
    assert_eq!(answer.content, r#"{"cards":[]}"#);
    assert_eq!(answer.usage, Usage { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17, ..Usage::default() });
    assert_eq!(answer.rate.requests.limit, Some(60));
    assert_eq!(answer.rate.tokens.remaining, None);
}

#[tokio::test]
async fn the_request_carries_key_id_and_body() {
    let upstream = Upstream::start(reply("200 OK", "", GOOD), Then::Close).await;
    upstream.ask().await.unwrap();
    let requests = upstream.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    for line in ["authorization: Bearer sk-test", "x-client-request-id: job-1.2", "content-type: application/json"] {
        assert!(head.lines().any(|sent| sent == line), "{line} is missing in {head}");
    }
    assert!(!head.contains("openai-organization") && !head.contains("openai-project"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["model"], &body["max_tokens"]), (&"m".into(), &100.into()));
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
}

#[tokio::test]
async fn a_429_of_any_body_is_a_rate_limit_and_asked_once() {
    for body in ["<html>429</html>", "", r#"{"error":{"code":"rate_limit_exceeded","type":"tokens"}}"#] {
        let error = error_of("429 Too Many Requests", "retry-after-ms: 250\r\nretry-after: 1\r\n", body).await;
        let OpenAiError::RateLimited { retry_after, .. } = error else { panic!("{error}") };
        assert_eq!(retry_after, Some(Duration::from_millis(250)));
    }
}

#[tokio::test]
async fn a_spent_quota_is_not_a_rate_limit() {
    let body = r#"{"error":{"message":"pay","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let error = error_of("429 Too Many Requests", "retry-after: 1\r\n", body).await;
    assert!(matches!(error, OpenAiError::QuotaSpent { code } if code == "insufficient_quota"));
}

#[tokio::test]
async fn a_server_error_of_any_body_is_asked_once() {
    for body in ["<html>500</html>", r#"{"error":{"message":"oops"}}"#] {
        let error = error_of("500 Internal Server Error", "", body).await;
        assert!(matches!(error, OpenAiError::Server { status: 500, retry_after: None }), "{error}");
    }
    let error = error_of("503 Service Unavailable", "retry-after: 2\r\n", "").await;
    let wait = Some(Duration::from_secs(2));
    assert!(matches!(error, OpenAiError::Server { status: 503, retry_after } if retry_after == wait), "{error}");
}

#[tokio::test]
async fn what_the_caller_got_wrong_is_told_apart() {
    assert_eq!(error_of("401 Unauthorized", "", "{}").await.code(), Some("openai_key_rejected"));
    assert!(matches!(error_of("403 Forbidden", "", "{}").await, OpenAiError::Denied { status: 403 }));
    let body = r#"{"error":{"message":"no such model","code":"model_not_found"}}"#;
    let error = error_of("404 Not Found", "x-request-id: req_1\r\n", body).await;
    // Its text, which is logged, has none of the provider's words.
    assert_eq!(error.to_string(), "the provider does not serve the model");
    let OpenAiError::Misconfigured(shown) = error else { panic!("{error}") };
    assert_eq!(
        (shown.status, shown.code.as_deref(), shown.request_id.as_str()),
        (404, Some("model_not_found"), "req_1")
    );
    assert_eq!(shown.setting(), "OPENAI_MODEL");
    let page = error_of("404 Not Found", "content-type: text/html\r\n", "<html>404 Not Found</html>").await;
    assert!(matches!(page, OpenAiError::Misconfigured(shown) if shown.setting() == "OPENAI_BASE_URL"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error = error_of("307 Temporary Redirect", "location: /elsewhere\r\n", "").await;
    assert!(matches!(error, OpenAiError::Server { status: 307, .. }), "{error}");
}

#[tokio::test]
async fn a_200_that_is_no_completion_is_malformed() {
    for body in ["<html>hello</html>", "", "null", "{}", r#"{"choices":[]}"#, &GOOD[..40]] {
        let error = error_of("200 OK", "", body).await;
        assert!(matches!(error.cause(), OpenAiError::Malformed { .. }), "{body}: {error}");
    }
}

#[test]
fn settings_that_http_can_not_carry_are_errors_that_name_them() {
    let error = |base, key| OpenAi::new(&settings(base, key)).unwrap_err().to_string();
    assert!(error("ftp://example.test", "k").contains("OPENAI_BASE_URL"));
    let told = error("https://example.test", "sk-sec\nret");
    assert!(told.contains("OPENAI_API_KEY") && !told.contains("sec\nret"));
    assert!(!format!("{:?}", OpenAi::new(&settings("https://example.test", "sk-secret")).unwrap()).contains("secret"));
}

#[tokio::test]
async fn a_model_that_wrote_no_json_is_asked_again() {
    let case = include_str!("../../../../tests/cases/upstreams/groq-json-validate-failed-400.json");
    let case: serde_json::Value = serde_json::from_str(case).unwrap();
    let error = error_of("400 Bad Request", "", &case["body"].to_string()).await;
    assert_eq!(crate::job::JobError::from(error).decision(), crate::job::Decision::Retry);
}
