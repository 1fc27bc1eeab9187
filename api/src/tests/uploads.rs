//! Recordings as they come in: every way to get it wrong is a 4xx that says so, and nothing of it needs Redis.

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use futures_util::stream;
use serde_json::Value;
use tower::ServiceExt;

use super::app::{Answer, App};
use crate::router;

const PATHS: [&str; 2] = ["/api/v1/pronunciation", "/api/pronunciation-assess"];
const MAX: usize = 100_000;
const BOUNDARY: &str = "x-boundary";

/// So much of a WAV as tells what it is.
fn wav(length: usize) -> Vec<u8> {
    let mut bytes = b"RIFF\x24\x00\x00\x00WAVEfmt ".to_vec();
    bytes.resize(length.max(bytes.len()), 7);
    bytes
}

/// The name of a field and what is in it.
type Part<'a> = (&'a str, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let file = if *name == "audio" { "; filename=\"a.wav\"\r\nContent-Type: audio/wav" } else { "" };
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        body.extend_from_slice(value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

async fn app() -> App {
    let most = MAX.to_string();
    App::without_redis_but(&[
        "--audio-max-bytes",
        &most,
        "--user-pronunciation-limit-per-min",
        "0",
        "--ip-pronunciation-limit-per-min",
        "0",
    ])
    .await
}

async fn post(app: &App, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
    app.send(Method::POST, path, &[("content-type", content_type.as_bytes()), ("user-id", b"ada")], body).await
}

async fn post_form(app: &App, path: &str, parts: &[Part<'_>]) -> Answer {
    post(app, path, &format!("multipart/form-data; boundary={BOUNDARY}"), form(parts)).await
}

fn said(answer: &Answer) -> (u16, String, Value) {
    let code = answer.body["code"].as_str().unwrap_or_default().to_ascii_lowercase();
    (answer.status.as_u16(), code, answer.body["field"].clone())
}

fn expected(status: u16, code: &str, field: &str) -> (u16, String, Value) {
    (status, code.to_owned(), field.into())
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_told() {
    let app = app().await;
    let recording = wav(5_000);
    let (audio, text): (Part<'_>, Part<'_>) = (("audio", &recording), ("referenceText", b"the leaf"));
    let too_large = wav(MAX + 1);
    let cases: Vec<(Vec<Part<'_>>, _)> = vec![
        (vec![text], expected(400, "no_audio_file", "audio")),
        (vec![("audio", b""), text], expected(400, "audio_empty", "audio")),
        (vec![("audio", b"secret"), text], expected(415, "audio_format_unknown", "audio")),
        (vec![("audio", &[b'x'; 9_000]), text], expected(415, "audio_format_unknown", "audio")),
        (vec![("audio", &too_large), text], expected(413, "body_too_large", "audio")),
        (vec![audio, audio, text], expected(400, "repeated_parameter", "audio")),
        (vec![audio], expected(400, "no_reference_text", "referenceText")),
        (vec![audio, ("referenceText", b" \n")], expected(400, "no_reference_text", "referenceText")),
        (vec![audio, text, text], expected(400, "repeated_parameter", "referenceText")),
        (vec![audio, ("referenceText", b"a\xff")], expected(400, "invalid_form", "body")),
        (vec![audio, ("referenceText", b"a\0b")], expected(400, "invalid_characters", "referenceText")),
        (vec![audio, ("referenceText", &[b'x'; 1_001])], expected(400, "too_long", "referenceText")),
        (vec![audio, text, ("language", b"Klingonese")], expected(400, "unknown_language", "language")),
        (vec![audio, text, ("prosody", b"yes")], expected(400, "invalid_type", "prosody")),
        (vec![audio, text, ("userId", b"a\x07")], expected(400, "invalid_characters", "userId")),
        (vec![audio, text, ("userId", b" ada")], expected(400, "invalid_characters", "userId")),
        (vec![audio, text, ("userId", b"anonymous-203.0.113.7")], expected(400, "reserved_user", "userId")),
        ([vec![audio, text], vec![("more", b"1".as_slice()); 20]].concat(), expected(400, "invalid_form", "body")),
    ];
    for path in PATHS {
        for (parts, expected) in &cases {
            let answer = post_form(&app, path, parts).await;
            assert_eq!(said(&answer), *expected, "{path}: {}", answer.body);
            assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
        }
        // What is as it must be gets as far as Redis, which is away.
        assert_eq!(post_form(&app, path, &[text, audio, ("other", b"is passed over")]).await.status, 503);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_body_is_told() {
    let app = app().await;
    let whole = form(&[("audio", &wav(5_000)), ("referenceText", b"the leaf")]);
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    for path in PATHS {
        for content_type in ["application/json", "text/plain", "multipart/form-data", "video/quicktime", ""] {
            let answer = post(&app, path, content_type, whole.clone()).await;
            assert_eq!(said(&answer), expected(415, "unsupported_media_type", "content-type"), "{content_type}");
        }
        for length in [0, 1, 40, 200, whole.len() - 20] {
            let answer = post(&app, path, &multipart, whole[..length].to_vec()).await;
            assert_eq!(said(&answer), expected(400, "invalid_form", "body"), "{length}: {}", answer.body);
        }
        let with_text = format!("{path}?referenceText=the%20leaf&language=de");
        for (audio, expected) in [
            (Vec::new(), expected(400, "audio_empty", "audio")),
            (b"secret".to_vec(), expected(415, "audio_format_unknown", "audio")),
            (wav(MAX + 1), expected(413, "body_too_large", "audio")),
        ] {
            assert_eq!(said(&post(&app, &with_text, "audio/mp4", audio).await), expected);
        }
        let answer = post(&app, path, "audio/mp4", wav(5_000)).await;
        assert_eq!(said(&answer), expected(400, "no_reference_text", "referenceText"));
        assert_eq!(post(&app, &with_text, "application/octet-stream", wav(5_000)).await.status, 503);
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_ends_at_the_limit() {
    let app = app().await;
    for (first, code) in [(wav(5_000), "body_too_large"), (vec![b'x'; 5_000], "audio_format_unknown")] {
        // A gigabyte, if anybody read all of it.
        let chunk = Bytes::from(vec![7; 100_000]);
        let chunks = std::iter::once(Bytes::from(first)).chain(std::iter::repeat_n(chunk, 10_000));
        let body = Body::from_stream(stream::iter(chunks.map(Ok::<_, std::io::Error>)));
        let request = Request::post("/api/v1/pronunciation?referenceText=x")
            .header("content-type", "audio/wav")
            .header("user-id", "ada")
            .body(body)
            .unwrap();
        let response = router(app.state.clone()).oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], code);
    }
}
