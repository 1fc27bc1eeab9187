//! Where the limits of a group stand.

use std::collections::HashMap;

use serde::Serialize;

use super::Group;
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
    /// Until when the upstream has asked for a pause, in milliseconds since the Unix epoch.
    pub pause_until_ms: Option<u64>,
}

type Answer = (HashMap<String, String>, HashMap<String, u64>, u64, u64, bool);

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
        .exists(keys.announced(group));
    let (state, set, requests, in_flight, announced): Answer = redis.query(&ask).await?;
    let number = |name: &str| state.get(name).and_then(|value| value.parse::<u64>().ok());
    Ok(LimiterStatus {
        in_force: LIMITS
            .iter()
            .filter(|_| announced)
            .filter_map(|name| Some(((*name).to_owned(), number(name)?)))
            .collect(),
        set,
        differ: announced && number("differ") == Some(1),
        requests,
        // An empty log holds none, whatever the sum said last.
        tokens: number("tokens").filter(|_| requests > 0).unwrap_or(0),
        in_flight,
        learned_rpm: number("learned_rpm"),
        pause_until_ms: number("pause_until").filter(|until| *until > 0),
    })
}
