//! Where the limits of a group stand.

use std::collections::HashMap;

use serde::Serialize;

use super::{Group, Withheld};
use crate::redis::{Keys, RedisPool, UnavailableError};

/// What an operator sees of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimiterStatus {
    /// The limits in force; empty while no live worker has announced any.
    pub in_force: HashMap<String, u64>,
    /// Limits that an operator has set.
    pub set: HashMap<String, u64>,
    /// Live workers announce different limits.
    pub differ: bool,
    /// Permits in the window.
    pub requests: u64,
    /// Tokens in the window.
    pub tokens: u64,
    /// Jobs that hold a slot.
    pub in_flight: u64,
    /// The limit of requests that was learned from refusals.
    pub learned_rpm: Option<u64>,
    /// The limit of requests that the upstream's headers leave, while it is below the one in force.
    pub header_rpm: Option<u64>,
    /// The limit of tokens that they announce, while it is below the one in force.
    pub header_tpm: Option<u64>,
    /// What the upstream's last headers announced.
    pub announced_rpm: Option<u64>,
    /// See [`Self::announced_rpm`].
    pub announced_tpm: Option<u64>,
    /// Reservations are scaled by this, in percent, since calls used more than they had reserved.
    pub reservations_percent: Option<u64>,
    /// Tokens that a call in the window has reserved, on average.
    pub tokens_per_call: Option<u64>,
    /// Until when the upstream has asked for a pause, in milliseconds since the Unix epoch.
    pub pause_until_ms: Option<u64>,
    /// No permit is given for now, whatever the limits are, and a job waits for one.
    pub withheld: Option<Withheld>,
}

type Answer = (HashMap<String, String>, HashMap<String, u64>, u64, u64, bool, Option<String>, (u64, u64));

const LIMITS: [&str; 6] = ["window_ms", "guard_ms", "rpm", "rps", "tpm", "concurrency"];

/// Reads where the limits of a group stand.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn limiter_status(redis: &RedisPool, keys: &Keys, group: &Group) -> Result<LimiterStatus, UnavailableError> {
    let mut ask = redis::pipe();
    ask.hgetall(keys.limiter(group))
        .hgetall(keys.limits(group))
        .zcard(keys.permits(group))
        .zcard(keys.in_flight(group))
        .exists(keys.announced(group))
        .hget(keys.epoch(), format!("withheld:{}", group.as_str()))
        .cmd("TIME");
    let (state, set, requests, in_flight, announced, withheld, (seconds, micros)): Answer = redis.query(&ask).await?;
    let number = |name: &str| state.get(name).and_then(|value| value.parse::<u64>().ok());
    let now = seconds * 1_000 + micros / 1_000;
    let until = |name: &str| number(name).is_some_and(|until| now < until);
    // An empty log holds none, whatever the sum said last.
    let tokens = number("tokens").filter(|_| requests > 0).unwrap_or(0);
    let below =
        |value: Option<u64>, limit: &str| value.filter(|value| number(limit).is_some_and(|limit| *value < limit));
    Ok(LimiterStatus {
        in_force: LIMITS
            .iter()
            .filter(|_| announced)
            .filter_map(|name| Some(((*name).to_owned(), number(name)?)))
            .collect(),
        set,
        differ: announced && number("differ") == Some(1),
        requests,
        tokens,
        in_flight,
        learned_rpm: number("learned_rpm"),
        header_rpm: below(number("room").filter(|_| until("room_until")), "rpm"),
        header_tpm: below(number("header_tpm"), "tpm"),
        announced_rpm: number("announced_rpm"),
        announced_tpm: number("announced_tpm"),
        reservations_percent: scale(&state).filter(|_| until("overuse_until")),
        tokens_per_call: (requests > 0 && tokens > 0).then(|| tokens / requests),
        pause_until_ms: number("pause_until").filter(|until| *until > 0),
        withheld: withheld.and_then(|said| Withheld::read(&said, now)),
    })
}

/// Real use of reservations, in percent, where it is above them.
fn scale(state: &HashMap<String, String>) -> Option<u64> {
    let mean = |name: &str| state.get(name)?.split('.').next()?.parse::<u64>().ok();
    let (used, reserved) = (mean("used_mean")?, mean("reserved_mean")?);
    (used > reserved && reserved > 0).then(|| used.saturating_mul(100) / reserved)
}
