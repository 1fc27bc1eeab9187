//! Who may see monitoring, whatever a request makes up, and what is said to those who may not.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::app::App;
use crate::router;

const TOKEN: &str = "a-token";
const READ: [&str; 15] = [
    "/api/admin/budget/status",
    "/api/admin/users/ada/detailed",
    // A user may be called like that.
    "/api/admin/users/overview/detailed",
    "/api/admin/users/overview",
    "/api/admin/users/statistics?days=31",
    "/api/circuit-breakers/status",
    "/api/health/detailed",
    "/api/metrics",
    "/api/metrics/alerts",
    "/api/pronunciation/status",
    "/api/queue/stats",
    "/api/queue/stats?queue=audio-jobs",
    "/api/rate-limits/status?userId=ada",
    "/api/redis/health",
    "/api/sse/stats",
];
const CHANGE: [&str; 7] = [
    "/api/admin/budget/kill-switch",
    "/api/admin/users/ada/erase",
    "/api/admin/users/ada/reset-rate-limits",
    "/api/admin/users/ada/reset-tracking",
    "/api/admin/users/ada/suspend",
    "/api/admin/users/statistics/suspend",
    "/api/circuit-breakers/reset/openai",
];

async fn ask(app: &App, method: Method, path: &str, peer: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
    let request = request.extension(ConnectInfo(peer)).body(Body::from(r#"{"enabled":true}"#)).unwrap();
    let response = router(app.state.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn app(more: &[&str]) -> App {
    App::without_redis_but(
        &[&["--admin-token", TOKEN, "--monitoring-allowed-ips", "127.0.0.0/8,10.1.0.0/16"], more].concat(),
    )
    .await
}

/// Who passes the guard finds that Redis is away.
const PASSED: u16 = 503;

#[tokio::test]
async fn a_made_up_address_passes_nowhere() {
    let [direct, one, two] =
        [app(&[]).await, app(&["--trusted-proxies", "1"]).await, app(&["--trusted-proxies", "2"]).await];
    for (app, peer, headers, expected) in [
        (&direct, "127.0.0.1", &[][..], PASSED),
        (&direct, "::ffff:127.0.0.1", &[], PASSED),
        (&direct, "::1", &[], 403),
        (&direct, "203.0.113.7", &[], 403),
        (&direct, "203.0.113.7", &[("x-forwarded-for", "127.0.0.1")], 403),
        // Nobody told of a proxy, but there is one: what is connected is not the client.
        (&direct, "127.0.0.1", &[("x-forwarded-for", "203.0.113.7")], 403),
        (&direct, "127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], 403),
        (&direct, "127.0.0.1", &[("x-forwarded-for", "")], 403),
        (&direct, "127.0.0.1", &[("forwarded", "for=127.0.0.1")], 403),
        (&direct, "127.0.0.1", &[("x-real-ip", "127.0.0.1")], 403),
        (&one, "10.0.0.1", &[("x-forwarded-for", "127.0.0.1")], PASSED),
        (&one, "10.0.0.1", &[("x-forwarded-for", "127.0.0.1, 203.0.113.7")], 403),
        (&one, "10.0.0.1", &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.7")], 403),
        (&one, "10.0.0.1", &[("x-forwarded-for", "203.0.113.7, 10.1.2.3")], PASSED),
        (&one, "127.0.0.1", &[("x-forwarded-for", "127.0.0.1, nonsense")], 403),
        (&one, "127.0.0.1", &[("x-real-ip", "127.0.0.1")], 403),
        (&one, "127.0.0.1", &[], PASSED),
        (&two, "10.0.0.1", &[("x-forwarded-for", "127.0.0.1, 203.0.113.7, 10.0.0.2")], 403),
        (&two, "10.0.0.1", &[("x-forwarded-for", "127.0.0.1, 10.0.0.2")], PASSED),
        // Fewer entries than there are proxies: it came past one of them.
        (&two, "127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], 403),
    ] {
        let (status, _) = ask(app, Method::GET, "/api/queue/stats", peer, headers).await;
        assert_eq!(status, expected, "{peer} {headers:?} behind {:?}", app.state.config.trusted_proxies);
    }
}

#[tokio::test]
async fn the_token_opens_everything_and_an_address_only_what_is_read() {
    let app = app(&[]).await;
    let (stranger, allowed) = ("203.0.113.7", "127.0.0.1");
    let bearer = [("authorization", "Bearer a-token"), ("content-type", "application/json")];
    let own = [("x-admin-token", TOKEN), ("content-type", "application/json")];
    for path in READ {
        assert_eq!(ask(&app, Method::GET, path, stranger, &bearer).await.0, PASSED, "{path}");
        assert_eq!(ask(&app, Method::GET, path, stranger, &own).await.0, PASSED, "{path}");
        assert_eq!(ask(&app, Method::GET, path, allowed, &[]).await.0, PASSED, "{path}");
        assert_eq!(ask(&app, Method::GET, path, stranger, &[]).await.0, 403, "{path}");
        for wrong in ["", "a-toke", "a-token2", "A-TOKEN"] {
            let bearer = format!("Bearer {wrong}");
            assert_eq!(ask(&app, Method::GET, path, stranger, &[("authorization", &bearer)]).await.0, 403, "{path}");
            assert_eq!(ask(&app, Method::GET, path, stranger, &[("x-admin-token", wrong)]).await.0, 403, "{path}");
        }
    }
    for path in CHANGE {
        assert_eq!(ask(&app, Method::POST, path, stranger, &bearer).await.0, PASSED, "{path}");
        assert_eq!(
            ask(&app, Method::POST, path, allowed, &[("content-type", "application/json")]).await.0,
            403,
            "{path}"
        );
    }
    // The app reads it.
    assert_eq!(ask(&app, Method::GET, "/api/ai/status", stranger, &[]).await.0, PASSED);
}

#[tokio::test]
async fn what_programs_of_operators_read_is_guarded_as_well() {
    let app = app(&[]).await;
    for path in ["/metrics", "/api/v1/scaling"] {
        let (status, body) = ask(&app, Method::GET, path, "203.0.113.7", &[]).await;
        // A problem, and not what shipped apps know.
        assert_eq!((status, &body["code"], &body["status"]), (403, &json!("monitoring_access_denied"), &json!(403)));
        let (status, _) = ask(&app, Method::GET, path, "127.0.0.1", &[("x-forwarded-for", "127.0.0.1")]).await;
        assert_eq!(status, 403, "{path}");
    }
    for (peer, headers) in [("203.0.113.7", &[("x-admin-token", TOKEN)][..]), ("127.0.0.1", &[])] {
        assert_eq!(ask(&app, Method::GET, "/api/v1/scaling", peer, headers).await.0, PASSED);
    }
}

#[tokio::test]
async fn without_a_token_nobody_can_name_it() {
    let app = App::without_redis_but(&["--admin-token", ""]).await;
    for headers in [&[("x-admin-token", "")][..], &[("authorization", "Bearer ")], &[]] {
        assert_eq!(ask(&app, Method::GET, "/api/metrics", "127.0.0.1", headers).await.0, 403, "{headers:?}");
    }
}

#[tokio::test]
async fn who_is_refused_is_told_as_before() {
    let app = app(&[]).await;
    let (status, body) = ask(&app, Method::GET, "/api/metrics", "::ffff:203.0.113.7", &[]).await;
    assert_eq!(
        (status, &body["code"], &body["clientIP"]),
        (403, &json!("MONITORING_ACCESS_DENIED"), &json!("203.0.113.7"))
    );
    assert!(body["error"].as_str().unwrap().starts_with("Access denied. ") && body["hint"].is_string(), "{body}");
    let names: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["error", "code", "clientIP", "hint"]);
}

#[tokio::test]
async fn what_names_nothing_is_refused_before_redis_is_asked() {
    let app = app(&[]).await;
    let token = [("x-admin-token", TOKEN), ("content-type", "application/json")];
    for name in ["gemini", "%ff", "OPENAI"] {
        let path = format!("/api/circuit-breakers/reset/{name}");
        let (status, body) = ask(&app, Method::POST, &path, "203.0.113.7", &token).await;
        assert_eq!((status, &body["available"]), (400, &json!(["openai", "azure"])), "{name}");
    }
    let (status, body) = ask(&app, Method::GET, "/api/queue/stats?queue=x", "127.0.0.1", &[]).await;
    assert_eq!((status, &body["code"]), (400, &json!("UNKNOWN_QUEUE")));
    for (path, code) in [
        ("/api/admin/users/overview?limit=101", "INVALID_LIMIT"),
        ("/api/admin/users/overview?limit=", "INVALID_LIMIT"),
        ("/api/admin/users/overview?cursor=ada", "INVALID_CURSOR"),
        ("/api/admin/users/overview?cursor=", "INVALID_CURSOR"),
        ("/api/admin/users/statistics?days=0", "INVALID_DAYS"),
        ("/api/admin/users/statistics?days=", "INVALID_DAYS"),
        ("/api/admin/users/%0a/detailed", "MISSING_FIELD"),
        ("/api/admin/users/%20ada/detailed", "INVALID_CHARACTERS"),
        ("/api/rate-limits/status?userId=%20ada", "INVALID_CHARACTERS"),
        ("/api/rate-limits/status?userId=ada%c2%a0", "INVALID_CHARACTERS"),
        ("/api/rate-limits/status?userId=", "MISSING_PARAMETER"),
        ("/api/admin/budget/status?userId=ada%0a", "INVALID_CHARACTERS"),
    ] {
        let (status, body) = ask(&app, Method::GET, path, "127.0.0.1", &[]).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{path}: {body}");
    }
    let (status, body) = ask(&app, Method::GET, "/api/circuit-breakers/reset/openai", "127.0.0.1", &token).await;
    assert_eq!((status, &body["code"]), (405, &json!("METHOD_NOT_ALLOWED")));
    for path in ["/api/job-events", "/api/job-events?jobId=", "/api/job-events?id=x"] {
        let (status, body) = ask(&app, Method::GET, path, "203.0.113.7", &[]).await;
        assert_eq!((status, &body["error"]), (400, &json!("Missing required parameter: jobId")), "{path}");
        assert!(body["usage"].is_string() && body.get("success").is_none(), "{body}");
    }
    for path in ["/api/job-events?jobId=x", "/api/job-events?jobId=%ff"] {
        let (status, body) = ask(&app, Method::GET, path, "203.0.113.7", &[]).await;
        assert_eq!((status, &body["code"]), (404, &json!("JOB_NOT_FOUND")), "{path}");
    }
}
