//! Limits in the headers of an answer: as the existing backend writes them (`X-RateLimit-*`), and as the IETF draft does
//! (`RateLimit`, `RateLimit-Policy`). <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shared::timestamp::rfc3339;

use super::Standings;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Headers of an answer that tells limits, with those that every answer has: room for them is made at once.
const HEADERS: usize = 16;
/// Bytes that three limits take.
const LONG_ENOUGH: usize = 128;

/// Writes all of them, unless a limit that is nearer to the work has been told already.
pub(super) fn write(standings: &Standings, headers: &mut HeaderMap) {
    let Some(tightest) = standings.tightest().filter(|_| !headers.contains_key(&LIMIT)) else { return };
    headers.reserve(HEADERS);
    headers.insert(LIMIT, HeaderValue::from(tightest.limit.most));
    headers.insert(REMAINING, HeaderValue::from(tightest.remaining));
    let [mut standing, mut policy] = [(); 2].map(|()| String::with_capacity(LONG_ENOUGH));
    for (i, one) in standings.all().iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let (name, left) = (one.limit.name, standings.seconds_left(one));
        let _ = write!(standing, "{comma}\"{name}\";r={};t={left}", one.remaining);
        let _ = write!(policy, "{comma}\"{name}\";q={};w={}", one.limit.most, one.limit.window.as_secs());
    }
    for (name, text) in [(RESET, rfc3339(tightest.reset_at_ms)), (STANDING, standing), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
