//! Statuses and bodies of any sort, and what is sent.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{AzureError, Heard, ask, question, speech};

/// A server that gives every request the same reply, and keeps what it was sent; it ends with the test.
struct Server {
    base: String,
    seen: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>,
    _task: JoinSet<()>,
}

async fn server(status: u16, headers: &'static [(&'static str, &'static str)], body: String) -> Server {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| async move {
        let (head, sent) = request.into_parts();
        let sent = axum::body::to_bytes(sent, usize::MAX).await.unwrap();
        kept.lock().unwrap().push((format!("{} {}", head.method, head.uri), head.headers, sent));
        let mut reply = Response::new(Body::from(body));
        *reply.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            reply.headers_mut().insert(*name, value.parse().unwrap());
        }
        reply
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { base, seen, _task: task }
}

async fn outcome(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &str,
) -> Result<Heard, AzureError> {
    let server = server(status, headers, body.to_owned()).await;
    let outcome = ask(&server.base, &question(&speech())).await;
    assert_eq!(server.seen.lock().unwrap().len(), 1, "{status}: one call is one request");
    outcome
}

#[tokio::test]
async fn the_request_is_what_the_contract_asks_for() {
    let server = server(200, &[], json!({"RecognitionStatus": "NoMatch"}).to_string()).await;
    let recording = speech();
    ask(&server.base, &question(&recording)).await.unwrap();
    let seen = server.seen.lock().unwrap();
    let (line, headers, body) = &seen[0];
    assert_eq!(line, "POST /speech/recognition/conversation/cognitiveservices/v1?language=en-US&format=detailed");
    for (name, value) in [
        ("ocp-apim-subscription-key", "k-secret"),
        ("accept", "application/json"),
        ("content-type", "audio/wav; codecs=audio/pcm; samplerate=16000"),
        ("x-client-request-id", "job-1.1.1"),
    ] {
        assert_eq!(headers.get(name).unwrap(), value, "{name}");
    }
    let settings = STANDARD.decode(&headers["pronunciation-assessment"]).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&settings).unwrap(),
        json!({"ReferenceText": "The quick brown fox jumps, \"über\" 狐狸.", "GradingSystem": "HundredMark",
            "Granularity": "Phoneme", "Dimension": "Comprehensive", "EnableMiscue": "True",
            "EnableProsodyAssessment": "True"})
    );
    assert_eq!(*body, recording.bytes);
}

#[tokio::test]
async fn the_status_decides_whatever_the_body() {
    for body in ["", r#"{"RecognitionStatus":"NoMatch"}"#] {
        for status in [401, 403] {
            assert!(matches!(outcome(status, &[], body).await, Err(AzureError::KeyRejected { .. })), "{status}");
        }
        for status in [400, 415] {
            assert!(matches!(outcome(status, &[], body).await, Err(AzureError::Rejected { .. })), "{status}");
        }
        for status in [307, 404, 503] {
            let error = outcome(status, &[("location", "/elsewhere")], body).await.unwrap_err();
            assert!(matches!(error, AzureError::Server { status: told, .. } if told == status), "{status}: {error}");
        }
        let limited = outcome(429, &[("retry-after", "3")], body).await;
        let wait = Some(Duration::from_secs(3));
        assert!(matches!(limited, Err(AzureError::RateLimited { retry_after }) if retry_after == wait), "{limited:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let error = outcome(200, &[], &" ".repeat(1024 * 1024 + 1)).await.unwrap_err();
    assert!(matches!(error, AzureError::Malformed { what } if what.contains("too large")), "{error}");
}
