//! A handler that panics: its request alone is answered 500, and the process lives on.

use axum::{Router, body::Body, http::Request, middleware::from_fn_with_state, routing::get};
use tower::ServiceExt;

use super::app::App;
use crate::middleware::{Dialect, Manner, Traffic, in_manner};

#[tokio::test]
async fn a_panic_is_a_500_in_the_words_of_the_path_and_says_nothing_of_it() {
    let app = App::without_redis_but(&["--api-max-concurrent", "1"]).await;
    for (dialect, code) in [(Dialect::Problem, "internal_error"), (Dialect::Legacy, "INTERNAL_ERROR")] {
        let manner = Manner::new(&app.state, dialect, Traffic::InRoom);
        let router = Router::new().route("/", get(async || -> () { panic!("secret") }));
        let router = router.layer(from_fn_with_state(manner, in_manner));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(&format!(r#""code":"{code}""#)) && !body.contains("secret"), "{body}");
        // Its place is free again.
        assert!(app.state.room.enter().is_ok());
    }
}
