//! Holding on to leases.

use std::time::Duration;

use redis::{Value, from_redis_value};

use crate::{
    job::JobId,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script, millis},
};

static RENEW: LuaScript = lua_script!("queue/renew");

/// Why a job is no longer held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It has ended without this holder.
    Ended,
    /// Its lease had lapsed: it goes on without this holder, whose result is welcome all the same.
    Taken,
}

/// Pushes back the leases of `held`, whose calls are limited as `group` (empty: by nothing), by a full `lease`; returns the jobs that are no longer held.
pub(super) async fn renew(
    redis: &RedisPool,
    keys: &Keys,
    (queue, group): (&str, &str),
    lease: Duration,
    held: &[(JobId, u64)],
) -> Result<Vec<(JobId, Lost)>, UnavailableError> {
    let mut call = RENEW.call();
    call.key(keys.root()).arg(queue).arg(millis(lease)).arg(group);
    for (id, fence) in held {
        call.arg(id.to_string()).arg(*fence);
    }
    let reply: Vec<Value> = redis.run(&call).await?;
    let words: Vec<String> = reply.into_iter().skip(1).filter_map(|word| from_redis_value(word).ok()).collect();
    let lost = words.chunks_exact(2).filter_map(|lost| {
        let why = if lost[1] == "ended" { Lost::Ended } else { Lost::Taken };
        Some((lost[0].parse().ok()?, why))
    });
    Ok(lost.collect())
}
