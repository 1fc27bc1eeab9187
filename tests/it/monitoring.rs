//! What operators watch is the whole fleet, at whichever process they ask.

use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::simulator::Fault;

use crate::harness::{Process, System, chapter};

const TOKEN: &str = "it-token";

async fn system() -> System {
    let mut system = System::new().await;
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system.set_text("ADMIN_TOKEN", TOKEN.to_owned());
    // So that the window holds what was called, until the test has looked.
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 1_000);
    system.set("OPENAI_RATE_LIMIT_TPM", 10_000_000);
    system
}

async fn get(system: &System, api: &Process, path: &str) -> Value {
    let answer = system.http.get(api.url(path)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["success"], true, "{path}: {body}");
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{path}: {body}");
    body
}

async fn post(system: &System, api: &Process, path: &str, body: Value) -> Value {
    let request = system.http.post(api.url(path)).header("x-admin-token", TOKEN).json(&body);
    request.send().await.unwrap().json().await.unwrap()
}

/// Asks until the fleet has counted so many requests: each process adds its own after a moment. (Adding 0 reads a number
/// that may not be there yet.)
async fn until_counted(system: &System, requests: i64) {
    let counted = system.keys.metrics();
    system
        .until("all requests are counted", &["HINCRBY", &counted, "requests", "0"], |counted| counted >= requests)
        .await;
}

#[tokio::test]
async fn every_process_shows_the_figures_of_the_fleet() {
    let system = system().await;
    let (one, other) = (system.api().await, system.api().await);
    let _worker = system.worker("a").await;
    system.simulator.fail_next(Fault::BadRequest, 1);
    let failed = system.submit(&one, &chapter(1, 2)).await;
    assert_eq!(system.end_of(&other, &failed).await["state"], "failed");
    let completed = system.submit(&other, &chapter(2, 2)).await;
    assert_eq!(system.end_of(&one, &completed).await["state"], "completed");
    system.http.get(one.url("/api/health")).send().await.unwrap();
    until_counted(&system, 4).await;

    for path in [
        "/api/ai/status",
        "/api/queue/stats",
        "/api/pronunciation/status",
        "/api/circuit-breakers/status",
        "/api/admin/budget/status",
        "/api/redis/health",
        "/api/metrics",
    ] {
        let figures = async |api: &Process| {
            let mut body = get(&system, api, path).await;
            body["timestamp"].take();
            body["status"]["currentMinute"].take();
            body["metrics"]["uptime"].take();
            body["metrics"]["requestsPerMinute"].take();
            body
        };
        assert_eq!(figures(&one).await, figures(&other).await, "{path}");
    }
    let metrics = get(&system, &one, "/api/metrics").await["metrics"].take();
    for (name, expected) in [
        ("requests", 4),
        ("errors", 0),
        ("openaiRequests", 2),
        ("openaiErrors", 1),
        ("pronunciationRequests", 0),
        ("pronunciationErrors", 0),
    ] {
        assert_eq!(metrics[name], expected, "{name}: {metrics}");
    }
    assert!(
        ["avgResponseTime", "uptime", "errorRate", "requestsPerMinute"].iter().all(|name| metrics[name].is_number())
    );

    let stats = get(&system, &other, "/api/queue/stats").await["stats"].take();
    let expected = json!({"queue": "ai-jobs", "waiting": 0, "active": 0, "completed": 1, "failed": 1, "delayed": 0,
        "total": 2, "paused": false});
    assert_eq!(stats, expected);
    let ai = get(&system, &other, "/api/ai/status").await["status"].take();
    assert_eq!(
        (&ai["queueSize"], &ai["isProcessing"], &ai["circuitBreakerOpen"]),
        (&json!(0), &json!(false), &json!(false))
    );
    assert_eq!((&ai["requestsThisMinute"], &ai["requestsPerMinute"]), (&json!(2), &json!(1_000)));
    assert!(ai["tokensThisMinute"].as_u64().unwrap() > 0 && ai["currentMinute"].is_u64(), "{ai}");
    let pronunciation = get(&system, &one, "/api/pronunciation/status").await["status"].take();
    let expected = json!({"circuitBreaker": {"state": "CLOSED", "failures": 0, "lastFailure": null},
        "queue": {"size": 0, "processing": 0, "maxConcurrent": 20}});
    assert_eq!(pronunciation, expected);

    let alerts = get(&system, &one, "/api/metrics/alerts").await;
    let expected = json!({"queueDepthHigh": false, "queueDepthCritical": false, "failureRateHigh": true,
        "circuitBreakerOpen": false, "workerStalled": false, "workerCrashLoop": false, "openaiMisconfigured": false, "openaiModelShutdown": false});
    assert_eq!((&alerts["alerts"], &alerts["alertsActive"]), (&expected, &json!(1)));
    let parts: Vec<_> = alerts["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(parts, ["queue", "performance", "circuitBreakers", "sse"]);
    assert_eq!(get(&system, &other, "/api/health/detailed").await["status"], "healthy");
    assert_eq!(get(&system, &one, "/api/sse/stats").await["stats"]["activeConnections"], 0);
}

#[tokio::test]
async fn what_an_operator_changes_at_one_process_holds_at_the_other() {
    let system = system().await;
    let (one, other) = (system.api().await, system.api().await);
    shared::breaker::open_breaker(&system.redis.patient_pool(), &system.keys, "openai").await.unwrap();
    let breaker = get(&system, &one, "/api/circuit-breakers/status").await["circuitBreakers"]["openai"].take();
    assert_eq!((&breaker["name"], &breaker["state"]), (&json!("openai"), &json!("OPEN")));
    assert_eq!((&breaker["failureThreshold"], &breaker["successThreshold"]), (&json!(5), &json!(2)));
    assert!(breaker["openedAt"].is_u64() && breaker["nextRetryAt"].is_u64(), "{breaker}");
    assert_eq!(get(&system, &other, "/api/ai/status").await["status"]["circuitBreakerOpen"], true);
    assert_eq!(get(&system, &other, "/api/health/detailed").await["status"], "degraded");
    let reset = post(&system, &other, "/api/circuit-breakers/reset/openai", json!({})).await;
    assert_eq!((&reset["success"], &reset["circuitBreaker"]["state"]), (&json!(true), &json!("CLOSED")));
    assert_eq!(get(&system, &one, "/api/ai/status").await["status"]["circuitBreakerOpen"], false);

    let thrown = post(&system, &one, "/api/admin/budget/kill-switch", json!({"enabled": true, "reason": "Bill"})).await;
    assert_eq!((&thrown["killSwitch"]["enabled"], &thrown["killSwitch"]["reason"]), (&json!(true), &json!("Bill")));
    let budget = get(&system, &other, "/api/admin/budget/status").await["budget"].take();
    assert_eq!(budget["killSwitch"], thrown["killSwitch"]);
    let refused = system.http.post(other.url("/api/v1/flashcards")).json(&crate::harness::lesson(&chapter(1, 2)));
    assert_eq!(refused.send().await.unwrap().status(), 429);
    let lifted = post(&system, &other, "/api/admin/budget/kill-switch", json!({"enabled": false})).await;
    assert_eq!(lifted["killSwitch"], json!({"enabled": false, "reason": null, "since": null}));
}

#[tokio::test]
async fn the_last_requests_of_a_process_that_stops_count_and_an_idle_one_asks_nothing() {
    let system = system().await;
    let mut api = system.api().await;
    api.until_ready(&system.http).await;
    system.http.get(api.url("/api/v1/jobs/x")).send().await.unwrap();
    until_counted(&system, 1).await;
    // One connection is watching for longer than the interval, and sends nothing else itself.
    let mut watching = system.redis.patient_pool().blocking_connection().await.unwrap();
    let mut commands = async |wait: &[&str]| -> u64 {
        let _: redis::Value = redis::Cmd::new().arg(wait).query_async(&mut watching).await.unwrap();
        let stats: String = redis::Cmd::new().arg(&["INFO", "stats"]).query_async(&mut watching).await.unwrap();
        stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:")?.trim().parse().ok()).unwrap()
    };
    let before = commands(&["PING"]).await;
    let sent = commands(&["BLPOP", "nothing", "3"]).await - before;
    assert!(sent <= 2, "{sent} commands");

    system.http.get(api.url("/api/v1/jobs/x")).send().await.unwrap();
    api.terminate();
    assert!(api.ended().await.success());
    let counted: i64 = system.raw(&["HGET", &system.keys.metrics(), "requests"]).await;
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn without_redis_monitoring_is_unavailable() {
    let mut system = system().await;
    let api = system.api().await;
    api.until_ready(&system.http).await;
    system.redis.kill().await.unwrap();
    for path in ["/api/metrics", "/api/metrics/alerts", "/api/ai/status", "/api/redis/health", "/api/health/detailed"] {
        let request = system.http.get(api.url(path)).timeout(Duration::from_secs(5));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "SERVICE_UNAVAILABLE", "{path}");
    }
}
