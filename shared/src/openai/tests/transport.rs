//! Replies that come late, in part, or without end.

use std::time::Duration;

use super::{Door, OpenAiError, Then, Upstream, client, open, question, reply};
use crate::{job::JobError, queue::CallEnd};

async fn error_of(bytes: impl Into<Vec<u8>>, then: Then) -> OpenAiError {
    error_within(Duration::from_mins(1), bytes, then).await
}

/// For a reply that never ends: the time-out ends the call, and is short enough to wait for.
async fn error_of_endless(bytes: &str) -> OpenAiError {
    error_within(Duration::from_secs(1), bytes, Then::Stall).await
}

async fn error_within(timeout: Duration, bytes: impl Into<Vec<u8>>, then: Then) -> OpenAiError {
    let upstream = Upstream::start(bytes, then).await;
    let error = upstream.ask_within(timeout).await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1, "one call is one request");
    error
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout() {
    let error = error_of_endless("").await;
    assert!(matches!(error.cause(), OpenAiError::Timeout { .. }), "{error:?}");
    assert_eq!(error.tokens(), 0, "nobody knows what it cost");
    let end = CallEnd::of(&Err(error));
    assert!(end.assumed && end.tokens.is_some_and(|(prompt, answer)| prompt > 0 && answer > 0), "{end:?}");
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_a_timeout() {
    let error = error_of_endless("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"").await;
    assert!(matches!(error.cause(), OpenAiError::Timeout { .. }), "{error:?}");
    assert_eq!(error.tokens(), 0, "nobody knows what it cost");
    let end = CallEnd::of(&Err(error));
    assert!(end.assumed && end.tokens.is_some_and(|(prompt, answer)| prompt > 0 && answer > 0), "{end:?}");
}

#[tokio::test]
async fn a_429_whose_body_never_ends_is_still_a_rate_limit() {
    let error = error_of_endless("HTTP/1.1 429 Slow\r\ncontent-length: 100\r\nretry-after: 3\r\n\r\n{").await;
    assert!(matches!(error, OpenAiError::RateLimited { retry_after: Some(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_dropped_connection_is_named_so_and_not_tried_again() {
    for half in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\""] {
        let error = error_of(half, Then::Close).await;
        assert!(matches!(error, OpenAiError::Connection { .. }), "{half}: {error:?}");
    }
}

#[tokio::test]
async fn a_closed_port_is_a_connection_error() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error =
        client(&format!("http://{unused}/v1"), Duration::from_mins(1)).chat(&question(), open()).await.unwrap_err();
    assert!(matches!(error, OpenAiError::Connection { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_beyond_the_cap_is_not_read_to_its_end() {
    let error = error_of(reply("200 OK", "", &" ".repeat(8 * 1024 * 1024 + 1)), Then::Stall).await;
    assert!(error.tokens() > 100, "it is paid for, up to the cap");
    assert!(matches!(error, OpenAiError::Charged { source, .. } if matches!(*source, OpenAiError::TooLarge)));
}

#[tokio::test]
async fn an_error_beyond_its_cap_keeps_its_status() {
    let error = error_of(reply("502 Bad Gateway", "", &" ".repeat(1024 * 1024)), Then::Stall).await;
    assert!(matches!(error, OpenAiError::Server { status: 502, .. }), "{error:?}");
}

#[tokio::test]
async fn a_call_that_is_not_let_go_is_not_sent() {
    let server = Upstream::start(reply("200 OK", "", "{}"), Then::Close).await;
    let closed: Door = Box::pin(async {
        // Not ready at once, as a question to Redis is not.
        tokio::task::yield_now().await;
        Err(JobError::snooze(Duration::ZERO, "awaiting_permit", "It waits"))
    });
    let client = client(&format!("http://{}/v1/", server.address), Duration::from_mins(1));
    let error = client.chat(&question(), closed).await.unwrap_err();
    assert!(matches!(&error, OpenAiError::NotLetGo { source } if source.code() == "awaiting_permit"), "{error:?}");
    assert!(server.requests().iter().all(|request| !request.contains("messages")), "the body was sent");
}
