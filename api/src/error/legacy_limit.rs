//! A limit that is used up, as shipped apps read it.

use serde_json::{Value, json};
use shared::timestamp::rfc3339;

use crate::request_limits::UsedUp;

/// The words of the existing backend, which differ between a user's limit and an address's.
pub(super) fn body(used_up: &UsedUp) -> Value {
    let standing = used_up.limit();
    let reset = rfc3339(standing.reset_at_ms);
    let (whose, work) = standing.limit.name.split_once('-').unwrap_or((standing.limit.name, ""));
    let kind = if work.is_empty() { String::new() } else { format!("{}_", work.to_ascii_uppercase()) };
    if whose == "user" {
        return json!({
            "success": false,
            "error": format!("User rate limit exceeded for {work}. Try again after {reset}"),
            "code": "ERROR_429",
            "timestamp": rfc3339(used_up.now_ms()),
            "details": {
                "code": format!("USER_{kind}RATE_LIMIT_EXCEEDED"),
                "resetTime": reset,
                "remaining": standing.remaining,
                "limit": standing.limit.most,
            },
        });
    }
    json!({
        "error": format!("Too many requests from this address. Try again after {reset}"),
        "code": format!("{kind}RATE_LIMIT_EXCEEDED"),
    })
}
