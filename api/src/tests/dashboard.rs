//! The page of the figures: nothing of it comes from elsewhere, and nothing in it is secret.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tower::ServiceExt;

use super::app::App;
use crate::router;

async fn file(app: &App, path: &str) -> (String, String, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(app.state.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (kind, policy) = (header("content-type"), header("content-security-policy"));
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (kind, policy, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_page_and_its_files_are_in_the_binary() {
    let app = App::without_redis().await;
    let (kind, policy, page) = file(&app, "/monitoring").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    // The policy lets no script or style within the page run.
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="), "{page}");
    for (path, expected) in [("page.js", "text/javascript; charset=utf-8"), ("page.css", "text/css; charset=utf-8")] {
        assert!(page.contains(&format!("\"/monitoring/{path}\"")), "{path}");
        let (kind, _, text) = file(&app, &format!("/monitoring/{path}")).await;
        assert_eq!(kind, expected);
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"), "{path}");
    }
    let (_, _, script) = file(&app, "/monitoring/page.js").await;
    for id in script.split("$('").skip(1).map(|rest| rest.split('\'').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{id}\"")), "the page has no {id}");
    }
}
