//! Limits in the headers of an answer: as the existing backend writes them (`X-RateLimit-*`), and as the IETF draft does
//! (`RateLimit`, `RateLimit-Policy`). <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shared::timestamp::rfc3339;

use super::Standings;
use crate::middleware::HEADERS;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Bytes that three limits take.
const LONG_ENOUGH: usize = 128;

/// Writes all of them, unless a limit that is nearer to the work has been told already.
pub(super) fn write(standings: &Standings, headers: &mut HeaderMap) {
    let Some(tightest) = standings.tightest().filter(|_| !headers.contains_key(&LIMIT)) else { return };
    headers.reserve(HEADERS);
    headers.insert(LIMIT, HeaderValue::from(tightest.limit.most));
    headers.insert(REMAINING, HeaderValue::from(tightest.remaining));
    let [mut standing, mut policy] = [(); 2].map(|()| String::with_capacity(LONG_ENOUGH));
    for one in standings.all() {
        let (name, left) = (one.limit.name, standings.seconds_left(one));
        add(&mut standing, name, ("r", one.remaining.into()), ("t", left));
        add(&mut policy, name, ("q", one.limit.most.into()), ("w", one.limit.window.as_secs()));
    }
    for (name, text) in [(RESET, rfc3339(tightest.reset_at_ms)), (STANDING, standing), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// One more item of a list (RFC 9651) with two parameters. By hand: each answer has six of them, and formatting machinery takes
/// longer than all else that is done for these headers.
fn add(list: &mut String, name: &str, one: (&str, u64), other: (&str, u64)) {
    list.push_str(if list.is_empty() { "\"" } else { ", \"" });
    list.push_str(name);
    list.push('"');
    for (parameter, value) in [one, other] {
        list.push(';');
        list.push_str(parameter);
        list.push('=');
        list.push_str(itoa::Buffer::new().format(value));
    }
}
