//! Redis is not there, or hangs: the process lives, and says so in time.

use std::time::Duration;

use serde_json::json;
use shared::job::JobId;
use tokio::{net::TcpListener, time::Instant};

use super::app::{Answer, App};

const GOOD: &str = r#"{"content":"Zellen","subject":"Biology","topic":"Cells","userId":"u"}"#;

/// A Redis that takes connections and never says a word.
async fn mute_redis() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn check_unavailable(answer: &Answer, start: Instant, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.body);
    assert!(answer.headers.contains_key("retry-after"), "{what}");
    assert_eq!(answer.body["code"].as_str().unwrap().to_lowercase(), "service_unavailable", "{what}");
    assert!(start.elapsed() < Duration::from_secs(2), "{what}: {:?}", start.elapsed());
}

async fn check_every_path(app: &App) {
    let id = JobId::new();
    for path in ["/api/v1/flashcards", "/api/ai/generate-flashcards", "/api/ai/generate-flashcards?wait=30"] {
        let start = Instant::now();
        check_unavailable(&app.post_json(path, GOOD).await, start, path);
    }
    for path in [
        format!("/api/v1/jobs/{id}"),
        format!("/api/v1/jobs/{id}?wait=30"),
        format!("/api/job-status/{id}"),
        format!("/api/job-events?jobId={id}"),
        "/api/ai/status".to_owned(),
    ] {
        let start = Instant::now();
        check_unavailable(&app.get(&path).await, start, &path);
    }
}

async fn check_health(app: &App) {
    let start = Instant::now();
    let health = app.get("/api/health").await;
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &json!("degraded")));
    assert!(health.body["message"].is_string());
    assert!(health.body["timestamp"].as_str().unwrap().ends_with('Z'));
    let ready = app.get("/api/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn without_redis_the_answer_is_503_and_health_is_degraded() {
    let app = App::without_redis().await;
    check_health(&app).await;
    check_every_path(&app).await;
}

#[tokio::test]
async fn with_a_redis_that_hangs_the_answer_still_comes_in_time() {
    let (_listener, port) = mute_redis().await;
    let app = App::with_redis_at(port);
    check_health(&app).await;
    check_every_path(&app).await;
}
