//! A handler that panics answers 500, and the process lives on.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;

type CatchPanic = CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response>;

/// Turns a panic into the answer for a fault of ours.
pub(crate) fn catch_panic() -> CatchPanic {
    CatchPanicLayer::custom(|_| ApiError::internal().into_response())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Request, middleware::map_response, routing::get};
    use tower::ServiceExt;

    use super::*;
    use crate::error::legacy;

    async fn answer(router: Router) -> (u16, String) {
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_words_of_the_path_and_says_nothing_of_it() {
        let router = Router::new().route("/", get(async || -> () { panic!("secret") })).layer(catch_panic());
        let (status, body) = answer(router.clone()).await;
        assert!(status == 500 && body.contains(r#""code":"internal_error""#) && !body.contains("secret"), "{body}");
        let (status, body) = answer(router.layer(map_response(legacy))).await;
        assert!(status == 500 && body.contains(r#""code":"INTERNAL_ERROR""#) && !body.contains("secret"), "{body}");
    }
}
