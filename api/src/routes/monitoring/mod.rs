//! What operators and their scripts watch. The figures are those of the whole fleet, from Redis, unless a field says otherwise.

mod ai_status;
mod alerts;
mod budget_status;
mod circuit_breakers;
mod health_detailed;
mod kill_switch;
mod metrics;
mod prometheus;
mod pronunciation_status;
mod queue_stats;
mod rate_limits;
mod reason;
mod redis_health;
mod reset_breaker;
mod scaling;
mod sse_stats;

use std::time::Duration;

use axum::Json;
use serde::Serialize;
use shared::{clock, timestamp::rfc3339};
use utoipa::ToSchema;

pub(crate) use ai_status::ai_status;
pub(crate) use alerts::alerts;
pub(crate) use budget_status::{Spend, budget_status, usd};
pub(crate) use circuit_breakers::circuit_breakers;
pub(crate) use health_detailed::health_detailed;
pub(crate) use kill_switch::kill_switch;
pub(crate) use metrics::metrics;
pub(crate) use prometheus::prometheus;
pub(crate) use pronunciation_status::pronunciation_status;
pub(crate) use queue_stats::queue_stats;
pub(crate) use rate_limits::{RateLimit, limits_of, rate_limits_status, reset_rate_limits};
pub(crate) use reason::reason;
pub(crate) use redis_health::redis_health;
pub(crate) use reset_breaker::reset_breaker;
pub(crate) use scaling::scaling;
pub(crate) use sse_stats::sse_stats;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    ai_status::ai_status,
    alerts::alerts,
    budget_status::budget_status,
    circuit_breakers::circuit_breakers,
    health_detailed::health_detailed,
    kill_switch::kill_switch,
    metrics::metrics,
    prometheus::prometheus,
    pronunciation_status::pronunciation_status,
    queue_stats::queue_stats,
    rate_limits::rate_limits_status,
    rate_limits::reset_rate_limits,
    redis_health::redis_health,
    reset_breaker::reset_breaker,
    scaling::scaling,
    sse_stats::sse_stats,
))]
pub(crate) struct Document;

/// What has ended within this time counts for rates of failures.
const LATELY: Duration = Duration::from_mins(15);

/// What every answer for operators has: `{"success":true, …, "timestamp": …}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Told<T> {
    success: bool,
    #[serde(flatten)]
    body: T,
    #[schema(format = DateTime)]
    timestamp: String,
}

pub(crate) type Answer<T> = Json<Told<T>>;

pub(crate) fn told<T>(body: T) -> Answer<T> {
    Json(Told { success: true, body, timestamp: rfc3339(clock::unix_ms()) })
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
