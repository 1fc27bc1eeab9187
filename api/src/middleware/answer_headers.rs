//! Headers that every answer has.

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::Response,
};

/// Which replica has answered: operators count them by it.
const REPLICA_ID: HeaderName = HeaderName::from_static("x-replica-id");

/// Names the replica, and keeps browsers and caches between from making something of the answer that it is not: it is of one
/// user, of now, and of the type that it says.
pub(crate) async fn answer_headers(State(replica): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(REPLICA_ID, replica);
    for (name, value) in
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")]
    {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
