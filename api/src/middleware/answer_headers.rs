//! Headers that every answer has.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// Which replica has answered: operators count them by it.
const REPLICA_ID: HeaderName = HeaderName::from_static("x-replica-id");

/// As many headers as an answer with limits has: whoever adds the first of them makes room for all.
pub(crate) const HEADERS: usize = 16;

/// Names the replica, and keeps browsers and caches between from making something of the answer that it is not: it is of one
/// user, of now, and of the type that it says.
pub(super) fn answer_headers(headers: &mut HeaderMap, replica: HeaderValue) {
    headers.reserve(HEADERS.saturating_sub(headers.len()));
    headers.insert(REPLICA_ID, replica);
    for (name, value) in
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")]
    {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
