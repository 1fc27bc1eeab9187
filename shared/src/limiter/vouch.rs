//! Trusting a new Redis.

use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static VOUCH: LuaScript = lua_script!("limiter/vouch");

/// Records that this Redis knows of every permit there was. Without it a Redis that is new, or was restarted, gives no
/// permit for one window, since it can't know what was called before. For a Redis that was started just now and never had
/// a fleet, and for an operator who knows that nothing was called within the last window.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn vouch(redis: &RedisPool, keys: &Keys) -> Result<(), UnavailableError> {
    let mut call = VOUCH.call();
    let _: Vec<String> = redis.run(call.key(keys.root())).await?;
    Ok(())
}
