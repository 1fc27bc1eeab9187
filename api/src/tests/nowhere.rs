//! Paths, methods and ids that lead nowhere.

use axum::http::Method;
use serde_json::json;

use super::app::App;

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let app = App::without_redis().await;
    for path in ["/", "/api", "/api/v1/flashcards/", "/api/v1/job", "/api/v2/flashcards", "/%ff", "/api/ai/"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!((&answer.body["code"], &answer.body["field"]), (&json!("not_found"), &json!("path")), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right() {
    let app = App::without_redis().await;
    for (method, path, allow, code) in [
        (Method::GET, "/api/v1/flashcards", "POST", "method_not_allowed"),
        (Method::PUT, "/api/v1/jobs/x", "GET,HEAD,DELETE", "method_not_allowed"),
        (Method::POST, "/api/health", "GET,HEAD", "method_not_allowed"),
        (Method::PUT, "/api/ai/generate-flashcards", "POST", "METHOD_NOT_ALLOWED"),
        (Method::POST, "/api/job-status/x", "GET,HEAD", "METHOD_NOT_ALLOWED"),
    ] {
        let answer = app.send(method, path, &[], Vec::new()).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.headers["allow"], allow, "{path}");
        assert_eq!((&answer.body["code"], &answer.body["field"]), (&json!(code), &json!("method")), "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_names_no_job() {
    let app = App::without_redis().await;
    for id in ["x", "0", "%00", "%ff", "00000000-0000-0000-0000-00000000000g", &"a".repeat(5_000)] {
        let job = app.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!((job.status.as_u16(), &job.body["code"]), (404, &json!("job_not_found")), "{id}");
        let status = app.get(&format!("/api/job-status/{id}")).await;
        assert_eq!((status.status.as_u16(), &status.body["status"]), (200, &json!("not_found")), "{id}");
        assert_eq!(status.body["success"], true, "{id}");
    }
}

#[tokio::test]
async fn the_client_s_request_id_comes_back() {
    let app = App::without_redis().await;
    let answer = app.send(Method::GET, "/nowhere", &[("x-request-id", b"abc-1")], Vec::new()).await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
    let other = app.send(Method::GET, "/nowhere", &[("x-request-id", b"a b")], Vec::new()).await;
    assert_eq!(other.headers["x-request-id"].len(), 36);
}
