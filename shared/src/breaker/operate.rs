//! What an operator does with a breaker.

use std::collections::HashMap;

use serde::Serialize;

use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static OPERATE: LuaScript = lua_script!("breaker/operate");

/// Reasons of a breaker that is open until a person corrects a setting.
const MISCONFIGURED: [&str; 3] = ["openai_model_unknown", "openai_key_rejected", "openai_misconfigured"];

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BreakerState {
    /// Calls go.
    Closed,
    /// None goes.
    Open,
    /// One goes at a time.
    HalfOpen,
}

/// What an operator sees of a breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakerStatus {
    /// Where it stands.
    pub state: BreakerState,
    /// Why it opened: a code.
    pub reason: Option<String>,
    /// Failures that count at present.
    pub failures: u64,
    /// When a call failed last, of those that count at present; of a breaker that is not closed, when it opened.
    pub last_failure_at_ms: Option<u64>,
    /// Probes that succeeded since it opened.
    pub successes: u64,
    /// When it opened last, in milliseconds since the Unix epoch.
    pub opened_at_ms: Option<u64>,
    /// When the next probe may go, in milliseconds since the Unix epoch.
    pub next_probe_at_ms: Option<u64>,
}

impl BreakerStatus {
    /// Whether it is open until a person corrects a setting.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        let waits = self.state != BreakerState::Closed;
        waits && self.reason.as_deref().is_some_and(|reason| MISCONFIGURED.contains(&reason))
    }
}

/// Reads a provider's breaker.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn breaker_status(redis: &RedisPool, keys: &Keys, provider: &str) -> Result<BreakerStatus, UnavailableError> {
    let mut ask = redis::pipe();
    ask.hgetall(keys.breaker(provider)).zcard(keys.failures(provider)).zrange_withscores(
        keys.failures(provider),
        -1,
        -1,
    );
    let (fields, failures, last): (HashMap<String, String>, u64, Vec<(String, u64)>) = redis.query(&ask).await?;
    let number = |name: &str| fields.get(name).and_then(|value| value.parse::<u64>().ok());
    let state = match fields.get("state").map(String::as_str) {
        Some("open") => BreakerState::Open,
        Some("half_open") => BreakerState::HalfOpen,
        _ => BreakerState::Closed,
    };
    Ok(BreakerStatus {
        state,
        reason: fields.get("reason").cloned(),
        failures,
        last_failure_at_ms: last.first().map(|(_, at)| *at).or_else(|| number("opened")),
        successes: number("successes").unwrap_or(0),
        opened_at_ms: number("opened"),
        next_probe_at_ms: number("until"),
    })
}

/// Opens a provider's breaker until an operator closes it: no call goes, jobs wait.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn open_breaker(redis: &RedisPool, keys: &Keys, provider: &str) -> Result<(), UnavailableError> {
    operate(redis, keys, provider, "open").await
}

/// Closes a provider's breaker, whatever opened it.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn close_breaker(redis: &RedisPool, keys: &Keys, provider: &str) -> Result<(), UnavailableError> {
    operate(redis, keys, provider, "close").await
}

async fn operate(redis: &RedisPool, keys: &Keys, provider: &str, what: &str) -> Result<(), UnavailableError> {
    let mut call = OPERATE.call();
    let _: Vec<String> = redis.run(call.key(keys.root()).arg(provider).arg(what)).await?;
    Ok(())
}
