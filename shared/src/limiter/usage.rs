//! What of a group's window is used.

use super::Group;
use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static USAGE: LuaScript = lua_script!("limiter/usage");

/// What is used of a group's window at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The moment, by Redis' clock, in ms since the Unix epoch.
    pub now_ms: u64,
    /// Permits in the window. Where neither requests nor tokens are limited none are counted.
    pub requests: u64,
    /// Tokens in the window.
    pub tokens: u64,
}

/// Counts what is in a group's window now; what has slid out since a worker looked last is not.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn usage(redis: &RedisPool, keys: &Keys, group: &Group) -> Result<Usage, UnavailableError> {
    let mut call = USAGE.call();
    let (_, now_ms, requests, tokens): (String, u64, u64, u64) =
        redis.run(call.key(keys.root()).arg(group.as_str())).await?;
    Ok(Usage { now_ms, requests, tokens })
}
