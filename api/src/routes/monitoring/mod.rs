//! What operators and their scripts watch. The figures are those of the whole fleet, from Redis, unless a field says otherwise.

mod ai_status;
mod alerts;
mod budget_status;
mod circuit_breakers;
mod health_detailed;
mod kill_switch;
mod metrics;
mod pronunciation_status;
mod queue_stats;
mod rate_limits;
mod reason;
mod redis_health;
mod reset_breaker;
mod sse_stats;

use std::time::Duration;

use axum::Json;
use serde_json::{Value, json};
use shared::{clock, timestamp::rfc3339};

pub(crate) use ai_status::ai_status;
pub(crate) use alerts::alerts;
pub(crate) use budget_status::budget_status;
pub(crate) use circuit_breakers::circuit_breakers;
pub(crate) use health_detailed::health_detailed;
pub(crate) use kill_switch::kill_switch;
pub(crate) use metrics::metrics;
pub(crate) use pronunciation_status::pronunciation_status;
pub(crate) use queue_stats::queue_stats;
pub(crate) use rate_limits::{limits_of, rate_limits_status, reset_rate_limits};
pub(crate) use reason::reason;
pub(crate) use redis_health::redis_health;
pub(crate) use reset_breaker::reset_breaker;
pub(crate) use sse_stats::sse_stats;

/// What has ended within this time counts for rates of failures.
const LATELY: Duration = Duration::from_mins(15);

/// `{"success":true, "<name>": …, "timestamp": …}`.
fn answer(name: &str, value: Value) -> Json<Value> {
    let mut body = json!({ "success": true });
    body[name] = value;
    body["timestamp"] = json!(rfc3339(clock::unix_ms()));
    Json(body)
}

/// A part of a whole in percent, to two decimals; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a figure for people, of counts far below 2^52")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 10_000.0 / whole as f64).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_nothing_is_nothing() {
        assert_eq!([percent(0, 0), percent(1, 3), percent(3, 3)].map(|part| part.to_string()), ["0", "33.33", "100"]);
    }
}
