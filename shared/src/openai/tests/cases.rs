//! Answers as providers were seen to give them: `tests/cases`.

use std::{fs, path::Path};

use serde_json::Value;

use super::{ChatAnswer, OpenAiError, Then, Upstream, question, reply};
use crate::{
    job::{Decision, JobError},
    openai::Usage,
    queue::{CallEnd, Ending},
    tokens::estimate,
};

/// The body of a recorded answer with status 200.
fn case(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(name);
    let case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(case.get("status").unwrap_or(&200.into()), 200, "{name}");
    case.get("body").unwrap_or(&case).clone()
}

async fn outcome_of(body: &str) -> Result<ChatAnswer, OpenAiError> {
    Upstream::start(reply("200 OK", "retry-after: 7\r\n", body), Then::Close).await.ask().await
}

async fn outcome(name: &str) -> Result<ChatAnswer, OpenAiError> {
    outcome_of(&case(name).to_string()).await
}

/// Tokens of the question of these tests, as they are estimated.
fn prompt_estimate() -> u32 {
    let question = question();
    estimate(&question.system) + estimate(&question.user) + estimate(&question.schema.to_string())
}

/// The outcome of a recorded answer with any status.
async fn outcome_of_refusal(name: &str) -> Result<ChatAnswer, OpenAiError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/upstreams").join(name);
    let case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let headers = case["headers"].as_object().into_iter().flatten();
    let lines: Vec<String> = headers.map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap())).collect();
    let headers = lines.concat();
    let body = case["raw"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
    let status = format!("{} Status", case["status"]);
    Upstream::start(reply(&status, &headers, &body), Then::Close).await.ask().await
}

#[tokio::test]
async fn refusals_are_read_as_their_providers_mean_them() {
    let blocked = |reason| (Ending::Blocked, reason);
    let seconds = std::time::Duration::from_secs;
    for (name, (ending, reason)) in [
        ("retired-model-404.json", blocked("openai_model_unknown")),
        ("gemini-bad-key-400.json", blocked("openai_key_rejected")),
        ("openrouter-402-in-flight.json", (Ending::Paused { retry_after: seconds(2) }, "")),
        ("openrouter-403-moderation.json", (Ending::Own, "")),
        ("waf-403-html.json", (Ending::Doubted, "openai_key_rejected")),
        ("too-large-429.json", (Ending::Own, "")),
        ("retry-after-date-429.json", (Ending::Limited { retry_after: Some(seconds(8)), plain: false }, "")),
    ] {
        let outcome = outcome_of_refusal(name).await;
        let end = CallEnd::of(&outcome);
        assert_eq!((end.ending, end.reason), (ending, reason), "{name}");
        let error = outcome.unwrap_err();
        if ending == Ending::Blocked {
            assert_eq!(error.code(), Some(reason), "{name}");
            let error = JobError::from(error);
            assert_eq!((error.decision(), error.code()), (Decision::Snooze(seconds(0)), reason), "no attempt is used");
        }
    }
    let flagged = JobError::from(outcome_of_refusal("openrouter-403-moderation.json").await.unwrap_err());
    assert_eq!((flagged.decision(), flagged.code()), (Decision::Fail, "openai_content_filtered"));
    let large = outcome_of_refusal("too-large-429.json").await.unwrap_err();
    let figures = (Some(30_000), Some(31_034));
    assert!(matches!(large, OpenAiError::RequestTooLarge { limit, requested } if (limit, requested) == figures));
}

#[tokio::test]
async fn google_says_how_long_to_wait_in_its_details() {
    let body = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded","details":[
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}]"#;
    let error = Upstream::start(reply("429 Too Many Requests", "", body), Then::Close).await.ask().await.unwrap_err();
    let wait = Some(std::time::Duration::from_secs(34));
    assert!(matches!(error, OpenAiError::RateLimited { retry_after, .. } if retry_after == wait), "{error}");
}

#[tokio::test]
async fn usage_is_read_field_by_field_and_estimated_where_it_can_not_be_read() {
    // The counts as they are written; `None` for those that are estimated.
    for (name, prompt, completion) in [
        ("llm/usage_empty.json", None, None),
        ("llm/usage_input_output.json", Some(900), Some(500)),
        ("llm/usage_nulls.json", Some(900), None),
        ("llm/usage_partial.json", Some(900), Some(500)),
        ("upstreams/usage-empty-200.json", None, None),
        ("upstreams/usage-negative-200.json", Some(900), None),
        ("upstreams/usage-no-total-200.json", Some(900), Some(400)),
        ("upstreams/usage-null-200.json", Some(900), None),
    ] {
        let ChatAnswer { content, usage, .. } = outcome(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(content.contains("\"cards\""), "{name}");
        assert_eq!(usage.prompt_tokens, prompt.unwrap_or_else(prompt_estimate), "{name}");
        assert_eq!(usage.completion_tokens, completion.unwrap_or_else(|| estimate(&content)), "{name}");
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "{name}");
    }
}

#[tokio::test]
async fn the_text_is_found_wherever_it_is_written() {
    for name in ["bare-array", "content-parts", "fence", "think"] {
        let name = format!("upstreams/{name}-200.json");
        let answer = outcome(&name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(answer.content.contains("\"front\":\"leaf\"") && !answer.content.contains("hm"), "{name}");
        assert_eq!(answer.usage.total_tokens, 1_300);
    }
}

#[tokio::test]
async fn an_error_in_an_answer_is_the_error_of_its_code() {
    let limited = outcome("upstreams/openrouter-200-error-429.json").await;
    let end = CallEnd::of(&limited);
    assert!(matches!(end.ending, Ending::Limited { retry_after: Some(_), .. }), "{end:?}");
    let limited = limited.unwrap_err();
    assert!(matches!(limited, OpenAiError::RateLimited { retry_after: Some(_), .. }), "{limited}");
    assert!(matches!(outcome("llm/error_in_200.json").await, Err(OpenAiError::RateLimited { .. })));
    let failed = outcome("upstreams/openrouter-200-error-502.json").await;
    assert_eq!(CallEnd::of(&failed).ending, Ending::Failed, "the breaker has to see it");
    assert!(matches!(failed, Err(OpenAiError::Server { status: 502, .. })));
    let none = outcome("llm/choices_null.json").await;
    assert_eq!(CallEnd::of(&none).ending, Ending::Failed);
}

#[tokio::test]
async fn every_kind_of_error_in_an_answer_is_classified() {
    let choice = r#"{"choices":[{"finish_reason":"error","message":{"role":"assistant","content":""},"error":"#;
    for (body, expected) in [
        (r#"{"error":{"code":401,"message":"m"}}"#.to_owned(), "openai_key_rejected"),
        // With `Retry-After`, which these answers have, it is a pause.
        (r#"{"error":{"code":"402","message":"m"}}"#.to_owned(), "openai_rate_limited"),
        (r#"{"error":{"code":400,"message":"m"},"choices":null}"#.to_owned(), "openai_rejected_request"),
        (r#"{"error":{"code":"insufficient_quota","message":"m"}}"#.to_owned(), "openai_quota_spent"),
        (r#"{"error":{"code":"rate_limit_exceeded","message":"m"}}"#.to_owned(), "openai_rate_limited"),
        (r#"{"error":{"status":"RESOURCE_EXHAUSTED","code":429}}"#.to_owned(), "openai_rate_limited"),
        (r#"{"error":{"type":"overloaded_error","message":"m"}}"#.to_owned(), "openai_unavailable"),
        (r#"{"error":{"code":1302,"message":"m"}}"#.to_owned(), "openai_unavailable"),
        (r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]"#.to_owned(), "openai_rate_limited"),
        (r#"{"error":"busy"}"#.to_owned(), "openai_unavailable"),
        (
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#.to_owned(),
            "openai_rejected_request",
        ),
        (format!("{choice}{}}}]}}", r#"{"code":429,"message":"m"}"#), "openai_rate_limited"),
        (format!("{choice}{}}}]}}", r#"{"code":503,"message":"m"}"#), "openai_unavailable"),
        (format!("{choice}null}}]}}"), "openai_unavailable"),
        // What says that nothing is wrong is no error.
        (r#"{"error":null,"choices":[]}"#.to_owned(), "openai_malformed_answer"),
    ] {
        let error = outcome_of(&body).await.unwrap_err();
        assert_eq!(JobError::from(error).code(), expected, "{body}");
    }
}

#[tokio::test]
async fn an_error_beside_a_whole_answer_does_no_harm() {
    for error in ["null", "{}", "\"\"", r#"{"code":200,"message":""}"#] {
        let body =
            format!(r#"{{"error":{error},"choices":[{{"message":{{"content":"[]"}},"finish_reason":"stop"}}]}}"#);
        assert_eq!(outcome_of(&body).await.unwrap().content, "[]", "{error}");
    }
}

#[tokio::test]
async fn an_error_in_an_answer_does_not_end_a_job_that_another_attempt_may_help() {
    let error = JobError::from(outcome("upstreams/openrouter-200-error-429.json").await.unwrap_err());
    assert_eq!(error.decision(), Decision::Snooze(std::time::Duration::ZERO));
    let error = JobError::from(outcome("upstreams/openrouter-200-error-502.json").await.unwrap_err());
    assert!(matches!(error.decision(), Decision::Retry | Decision::RetryAfter(_)));
}

#[tokio::test]
async fn what_an_answer_cost_is_known_whatever_it_is_worth() {
    let usage = r#""usage":{"prompt_tokens":900,"completion_tokens":100,"total_tokens":1000}"#;
    let choice = |message: &str, finish: &str| {
        format!(r#"{{"choices":[{{"message":{message},"finish_reason":"{finish}"}}],{usage}}}"#)
    };
    for (body, code) in [
        (choice(r#"{"content":null,"refusal":"No."}"#, "stop"), "openai_refused"),
        (choice(r#"{"content":[{"type":"refusal","refusal":"No."}]}"#, "stop"), "openai_refused"),
        (choice(r#"{"content":""}"#, "content_filter"), "openai_content_filtered"),
        (choice(r#"{"content":""}"#, "stop"), "openai_malformed_answer"),
        (choice(r#"{"content":{"a":1}}"#, "stop"), "openai_malformed_answer"),
        (choice("null", "stop"), "openai_malformed_answer"),
        (format!(r#"{{"choices":[],{usage}}}"#), "openai_malformed_answer"),
        (format!(r#"{{"choices":null,{usage}}}"#), "openai_unavailable"),
        (format!(r#"{{"error":{{"code":502}},{usage}}}"#), "openai_unavailable"),
        (format!(r#"{{"error":{{"code":429}},{usage}}}"#), "openai_rate_limited"),
        (choice(r#"{"content":"{\"ca"}"#, "length"), "openai_cut_off"),
    ] {
        let outcome = outcome_of(&body).await;
        assert_eq!(CallEnd::of(&outcome).tokens, Some((900, 100)), "{body}");
        let error = outcome.unwrap_err();
        assert_eq!(error.tokens(), 1_000, "{body}");
        assert_eq!(JobError::from(error).code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_without_usage_costs_what_is_estimated() {
    let body = r#"{"choices":[{"message":{"refusal":"I can't help with that."},"finish_reason":"stop"}]}"#;
    let expected = prompt_estimate() + estimate("I can't help with that.");
    assert_eq!(outcome_of(body).await.unwrap_err().tokens(), u64::from(expected));
    // Nothing says that a model has been at work.
    for body in ["{}", "<html>hello</html>", r#"{"error":{"code":502}}"#, r#"{"choices":null}"#] {
        let outcome = outcome_of(body).await;
        assert_eq!(CallEnd::of(&outcome).tokens, None, "{body}");
    }
}

#[tokio::test]
async fn reasoning_that_eats_the_cap_is_cut_off_and_paid() {
    let outcome = outcome("upstreams/reasoning-eats-cap-200.json").await;
    assert_eq!(CallEnd::of(&outcome).tokens, Some((900, 4_096)));
    let expected = Usage { prompt_tokens: 900, completion_tokens: 4_096, total_tokens: 4_996, ..Usage::default() };
    assert!(matches!(outcome, Err(OpenAiError::CutOff { usage, thoughts: true }) if usage == expected));
}
