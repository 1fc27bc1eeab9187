//! `GET /monitoring`: the figures of the fleet as a page.
//!
//! The page holds no figure itself: it asks the monitoring paths for them, as whoever looks at it. So it is open, and one
//! who may not see the figures sees where to enter the token.

use axum::{
    http::{
        HeaderValue,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

/// What the page may do: load its two files from here, and ask this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(crate) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("page.html"))
}

/// What it does.
pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

/// How it looks.
pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    ([(CONTENT_TYPE, HeaderValue::from_static(kind)), policy], text).into_response()
}
