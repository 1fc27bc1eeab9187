//! A limit that is used up, as shipped apps read it.

use serde::Serialize;
use serde_json::{Value, json};
use shared::timestamp::rfc3339;
use utoipa::ToSchema;

use crate::request_limits::UsedUp;

/// A user's limit is used up.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserLimitReached {
    #[schema(example = false)]
    success: bool,
    error: String,
    #[schema(pattern = "^ERROR_429$", example = "ERROR_429")]
    code: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    details: Details,
}

/// Which limit, and when there may be one more request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserLimitDetails)]
struct Details {
    #[schema(example = "USER_AI_RATE_LIMIT_EXCEEDED")]
    code: String,
    #[schema(format = DateTime)]
    reset_time: String,
    remaining: u32,
    limit: u32,
}

/// The words of the existing backend, which differ between a user's limit and an address's.
pub(super) fn body(used_up: &UsedUp) -> Value {
    let standing = used_up.limit();
    let reset = rfc3339(standing.reset_at_ms);
    let (whose, work) = standing.limit.name.split_once('-').unwrap_or((standing.limit.name, ""));
    let kind = if work.is_empty() { String::new() } else { format!("{}_", work.to_ascii_uppercase()) };
    if whose == "user" {
        let reached = UserLimitReached {
            success: false,
            error: format!("User rate limit exceeded for {work}. Try again after {reset}"),
            code: "ERROR_429",
            timestamp: rfc3339(used_up.now_ms()),
            details: Details {
                code: format!("USER_{kind}RATE_LIMIT_EXCEEDED"),
                reset_time: reset,
                remaining: standing.remaining,
                limit: standing.limit.most,
            },
        };
        return serde_json::to_value(reached).unwrap_or_default();
    }
    json!({
        "error": format!("Too many requests from this address. Try again after {reset}"),
        "code": format!("{kind}RATE_LIMIT_EXCEEDED"),
    })
}
