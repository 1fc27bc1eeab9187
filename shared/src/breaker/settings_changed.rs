//! A worker that starts with other settings than those that were refused.

use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static SETTINGS_CHANGED: LuaScript = lua_script!("breaker/settings_changed");

/// Lets a breaker that waits for a person be probed at once, where `digest` is not that of the settings that
/// were refused. Whether it is.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn probe_new_settings(
    redis: &RedisPool,
    keys: &Keys,
    provider: &str,
    digest: &str,
) -> Result<bool, UnavailableError> {
    let mut call = SETTINGS_CHANGED.call();
    let (outcome,): (String,) = redis.run(call.key(keys.root()).arg(provider).arg(digest)).await?;
    Ok(outcome == "probe")
}
