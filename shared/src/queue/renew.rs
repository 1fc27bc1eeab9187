//! Holding on to leases.

use std::time::Duration;

use redis::{Value, from_redis_value};

use crate::{
    job::JobId,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, millis},
};

static RENEW: LuaScript = LuaScript::new(concat!(include_str!("keys.lua"), include_str!("renew.lua")));

/// Pushes back the leases of `held` by a full `lease`; returns the jobs that are no longer held.
pub(super) async fn renew(
    redis: &RedisPool,
    keys: &Keys,
    queue: &str,
    lease: Duration,
    held: &[(JobId, u64)],
) -> Result<Vec<JobId>, UnavailableError> {
    let mut call = RENEW.call();
    call.key(keys.root()).arg(queue).arg(millis(lease));
    for (id, fence) in held {
        call.arg(id.to_string()).arg(*fence);
    }
    let reply: Vec<Value> = redis.run(&call).await?;
    let lost = reply.into_iter().skip(1).filter_map(|id| from_redis_value::<String>(id).ok()?.parse().ok());
    Ok(lost.collect())
}
