//! The page of the document stands by itself: nothing from elsewhere, and no more rights than it needs.

use axum::{body::Body, http::Request};
use tower::ServiceExt;

use super::app::App;
use crate::router;

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

async fn get(app: &App, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(app.state.clone()).oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
    Answer { status, headers, body }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let app = App::without_redis().await;
    let page = get(&app, "/api/docs").await;
    assert_eq!((page.status, &page.headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
    let html = String::from_utf8(page.body).unwrap();
    assert!(!html.contains("//"), "an address of another host: {html}");
    let files: Vec<_> = html.split(['"', '\'']).filter(|part| part.starts_with("docs/")).collect();
    assert_eq!(files.len(), 3, "{html}");
    for file in files {
        let answer = get(&app, &format!("/api/{file}")).await;
        assert!(answer.status == 200 && answer.body.len() > 100, "{file}");
        let kind = answer.headers["content-type"].to_str().unwrap();
        let expected = if file.contains(".css") { "text/css" } else { "text/javascript" };
        assert!(kind.starts_with(expected), "{file}: {kind}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{file}");
    }
    assert_eq!(get(&app, "/api/docs/index.html").await.status, 404);
    assert_eq!(get(&app, "/api/docs/%ff").await.status, 404);
}

#[tokio::test]
async fn the_page_may_do_no_more_than_it_must() {
    let app = App::without_redis().await;
    let page = get(&app, "/api/docs").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers.contains_key("x-request-id") && page.headers.contains_key("x-replica-id"));
}

#[tokio::test]
async fn the_document_is_that_of_the_deployment() {
    let app = App::without_redis().await;
    let answer = get(&app, "/api/openapi.json").await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let schemas = &document["components"]["schemas"];
    let longest = &schemas["FlashcardsRequest"]["properties"]["content"]["maxLength"];
    assert_eq!(longest, super::app::CONTENT_MAX_CHARS);
    // Only what clients say counts here: so it is in the body of shipped apps, and no token would be looked at.
    assert_eq!(schemas["LegacyFlashcardsRequest"]["required"].as_array().unwrap().last().unwrap(), "userId");
    let ways: Vec<_> = document["components"]["securitySchemes"].as_object().unwrap().keys().collect();
    assert_eq!(ways, ["adminBearer", "adminToken", "userId"]);
}
