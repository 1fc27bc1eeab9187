//! What clients get wrong: always a 4xx that names the field, in the words of the path, and never what was sent.

use axum::http::Method;
use serde_json::{Value, json};

use super::app::{Answer, App, CONTENT_MAX_CHARS};

const PATHS: [&str; 2] = ["/api/v1/flashcards", "/api/ai/generate-flashcards"];
const LEGACY_MISSING: &str = "Missing required fields: content, subject, topic, userId";

struct Case {
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    field: &'static str,
}

fn good() -> Value {
    json!({"content": "secret", "subject": "Biology", "topic": "Cells", "userId": "u"})
}

/// The good body with `field` set to `value`.
fn with(field: &'static str, value: impl Into<Value>, code: &'static str) -> Case {
    let mut body = good();
    body[field] = value.into();
    Case { body: body.to_string().into_bytes(), status: 400, code, field }
}

fn without(field: &'static str) -> Case {
    let mut body = good();
    body.as_object_mut().unwrap().remove(field);
    Case { body: body.to_string().into_bytes(), status: 400, code: "missing_field", field }
}

fn raw(body: &[u8], code: &'static str) -> Case {
    Case { body: body.to_vec(), status: 400, code, field: "body" }
}

fn missing() -> Vec<Case> {
    let fields = ["content", "subject", "topic", "userId"];
    let mut cases: Vec<Case> = fields.into_iter().map(without).collect();
    for field in fields {
        for blank in [json!(null), json!(""), json!(" \t\n"), json!("\u{a0}\u{3000}")] {
            cases.push(with(field, blank, "missing_field"));
        }
    }
    cases.push(Case { field: "content", ..raw(b"{}", "missing_field") });
    cases
}

fn wrong_types() -> Vec<Case> {
    let fields = ["content", "subject", "topic", "userId", "nativeLanguage", "targetLanguage"];
    let values = [json!(42), json!(-1.5), json!(true), json!(["secret"]), json!({"secret": "secret"})];
    let pairs = fields.into_iter().flat_map(|field| values.clone().map(|value| (field, value)));
    pairs.map(|(field, value)| with(field, value, "invalid_type")).collect()
}

fn wrong_texts() -> Vec<Case> {
    vec![
        with("content", "x".repeat(CONTENT_MAX_CHARS + 1), "too_long"),
        with("content", "語".repeat(CONTENT_MAX_CHARS + 1), "too_long"),
        with("subject", "x".repeat(201), "too_long"),
        with("topic", "x".repeat(201), "too_long"),
        with("userId", "x".repeat(129), "too_long"),
        with("content", "sec\0ret", "invalid_characters"),
        with("subject", "\0", "invalid_characters"),
        with("topic", "a\0", "invalid_characters"),
        with("userId", "a\0b", "invalid_characters"),
        with("userId", "a\u{1b}[31m", "invalid_characters"),
        with("userId", "a\r\nb", "invalid_characters"),
        with("userId", " ada", "invalid_characters"),
        with("userId", "ada\u{a0}", "invalid_characters"),
        with("userId", "key:0123456789abcdef", "reserved_user"),
        with("userId", "anonymous-203.0.113.7", "reserved_user"),
        with("userId", "app:ada", "reserved_user"),
        with("nativeLanguage", "Klingonese", "unknown_language"),
        with("targetLanguage", "secret", "unknown_language"),
        with("targetLanguage", "", "unknown_language"),
        with("targetLanguage", "  ", "unknown_language"),
        with("targetLanguage", "x".repeat(10_000), "too_long"),
        with("targetLanguage", "en\0", "invalid_characters"),
    ]
}

fn wrong_bodies() -> Vec<Case> {
    let deep = [b"{\"x\":".as_slice(), &b"[".repeat(60_000)].concat();
    let too_large = vec![b' '; CONTENT_MAX_CHARS * 4 + 64 * 1024 + 1];
    vec![
        raw(b"", "invalid_json"),
        raw(b"   ", "invalid_json"),
        raw(b"secret", "invalid_json"),
        raw(b"{\"content\":\"secret\"", "invalid_json"),
        raw(b"{\"content\":\"secret\",}", "invalid_json"),
        raw(b"{'content':'secret'}", "invalid_json"),
        raw(b"{\"content\":\"secret\"}{}", "invalid_json"),
        raw(b"{\"content\":\"secret\\ud800\"}", "invalid_json"),
        raw(b"{\"content\":\"sec\nret\"}", "invalid_json"),
        raw(b"{\"content\":\"secret\",\"content\":\"secret\"}", "invalid_json"),
        raw(b"{\"content\":NaN}", "invalid_json"),
        raw(&deep, "invalid_json"),
        raw(b"\xef\xbb\xbf{}", "invalid_json"),
        raw(b"{\"content\":\"\xff\xfe\"}", "invalid_utf8"),
        raw(b"{\"unknown\":\"\xff\"}", "invalid_utf8"),
        raw(b"null", "invalid_type"),
        raw(b"42", "invalid_type"),
        raw(b"\"secret\"", "invalid_type"),
        raw(b"[\"secret\",\"s\",\"t\",\"u\"]", "invalid_type"),
        Case { status: 413, ..raw(&too_large, "body_too_large") },
    ]
}

/// One rule for every wrong answer, in either dialect.
fn check(answer: &Answer, path: &str, case: &Case, context: &str) {
    let body = &answer.body;
    let text = body.to_string();
    assert_eq!(answer.status.as_u16(), case.status, "{context}: {text}");
    assert_eq!(body["field"], case.field, "{context}: {text}");
    assert!(!text.contains("secret"), "the answer repeats what was sent: {text}");
    assert!(answer.headers.contains_key("x-request-id"), "{context}");
    let content_type = &answer.headers["content-type"];
    if path == PATHS[0] {
        assert_eq!(content_type, "application/problem+json", "{context}");
        assert_eq!((&body["code"], &body["status"]), (&json!(case.code), &json!(case.status)), "{context}");
        assert_eq!(body["type"], "about:blank", "{context}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{context}: {text}");
    } else {
        assert_eq!(content_type, "application/json", "{context}");
        assert_eq!(body["code"], case.code.to_uppercase(), "{context}");
        let missing = case.code == "missing_field";
        assert_eq!(body["error"] == LEGACY_MISSING, missing, "{context}: {text}");
        assert_eq!(body["success"], if missing { json!(null) } else { json!(false) }, "{context}");
    }
}

#[tokio::test]
async fn a_bad_body_is_a_4xx_that_names_the_field() {
    let app = App::without_redis().await;
    let cases: Vec<Case> = [missing(), wrong_types(), wrong_texts(), wrong_bodies()].into_iter().flatten().collect();
    assert!(cases.len() >= 40, "{}", cases.len());
    for path in PATHS {
        for case in &cases {
            let answer = app.post_json(path, case.body.clone()).await;
            let start = String::from_utf8_lossy(&case.body[..case.body.len().min(120)]).into_owned();
            check(&answer, path, case, &format!("{path} {start}"));
        }
    }
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let app = App::without_redis().await;
    let case = Case { status: 415, field: "content-type", ..raw(b"", "unsupported_media_type") };
    for path in PATHS {
        let types: [&[(&str, &[u8])]; 4] = [
            &[],
            &[("content-type", b"text/plain")],
            &[("content-type", b"application/x-www-form-urlencoded")],
            &[("content-type", b"\xff")],
        ];
        for headers in types {
            let answer = app.send(Method::POST, path, headers, good().to_string().into_bytes()).await;
            check(&answer, path, &case, &format!("{path} {headers:?}"));
        }
    }
}

#[tokio::test]
async fn a_bad_user_header_is_named() {
    let app = App::without_redis().await;
    let long = [b'x'; 129];
    let values: [(&[u8], &str); 8] = [
        (b"", "missing_field"),
        (b"\xff", "invalid_utf8"),
        (&long, "too_long"),
        ("a\u{85}b".as_bytes(), "invalid_characters"),
        ("ada\u{a0}".as_bytes(), "invalid_characters"),
        (b"key:0123456789abcdef", "reserved_user"),
        (b"anonymous-203.0.113.7", "reserved_user"),
        (b"app:ada", "reserved_user"),
    ];
    for path in PATHS {
        for (value, code) in values {
            let headers = [("content-type", b"application/json".as_slice()), ("user-id", value)];
            let answer = app.send(Method::POST, path, &headers, good().to_string().into_bytes()).await;
            check(&answer, path, &Case { field: "user-id", ..raw(b"", code) }, &format!("{path} {value:?}"));
        }
    }
}

#[tokio::test]
async fn a_bad_wait_is_named() {
    let app = App::without_redis().await;
    let case = Case { field: "wait", ..raw(b"", "invalid_wait") };
    for wait in ["", "61", "-1", "1.5", "soon", "%00", "%ff", "1&wait=2", "99999999999999999999"] {
        let job = format!("/api/v1/jobs/{}?wait={wait}", shared::job::JobId::new());
        check(&app.get(&job).await, PATHS[0], &case, wait);
        let answer = app.post_json(&format!("{}?wait={wait}", PATHS[1]), good().to_string()).await;
        check(&answer, PATHS[1], &case, wait);
    }
}
