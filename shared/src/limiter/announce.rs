//! Which limits are in force.

use redis::{ErrorKind, RedisError};

use super::{Announced, Group, Limits, NewRedis};
use crate::{
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script, millis},
    workers::{Card, Load},
};
use std::time::Duration;

static ANNOUNCE: LuaScript = lua_script!("limiter/announce");
static SET: LuaScript = lua_script!("limiter/set");

/// The limits in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// The limits; `None` while no live worker has announced any.
    pub limits: Option<Limits>,
    /// Live workers announce different ones, of which the lowest count.
    pub differ: bool,
}

type Reply = (String, u8, Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

impl InForce {
    fn read(reply: Vec<redis::Value>) -> Result<Self, RedisError> {
        let mut reply = reply;
        reply.resize(8, redis::Value::Nil);
        let (word, differ, window, guard, rpm, rps, tpm, concurrency): Reply =
            redis::from_redis_value(redis::Value::Array(reply))?;
        if word != "in_force" {
            return Err(RedisError::from((
                ErrorKind::UnexpectedReturnType,
                "the limits were answered by another word",
            )));
        }
        let limits = window.map(|window| Limits {
            window: Duration::from_millis(window),
            guard: Duration::from_millis(guard.unwrap_or(0)),
            rpm: rpm.unwrap_or(0),
            rps: rps.unwrap_or(0),
            tpm: tpm.unwrap_or(0),
            concurrency: concurrency.unwrap_or(0),
        });
        Ok(Self { limits, differ: differ != 0 })
    }
}

/// Announces what `worker` was started with and, with its card and how busy it is, that it lives, for `ttl`; zero
/// withdraws both.
pub(crate) async fn announce(
    redis: &RedisPool,
    keys: &Keys,
    worker: &str,
    Announced { group, limits, new_redis, last_call }: Announced<'_>,
    ttl: Duration,
    card: Option<(&Card, Load)>,
) -> Result<InForce, UnavailableError> {
    let asked = redis.clock().ask();
    let mut call = ANNOUNCE.call();
    call.key(keys.root())
        .arg(group.as_str())
        .arg(worker)
        .arg(millis(ttl))
        .arg(millis(limits.window))
        .arg(millis(limits.guard))
        .arg(limits.rpm)
        .arg(limits.rps)
        .arg(limits.tpm)
        .arg(limits.concurrency)
        .arg(last_call.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
        .arg(u8::from(new_redis == NewRedis::Wait))
        .arg(asked.expected_ms.map(|ms| ms.to_string()).unwrap_or_default())
        .arg(millis(asked.expected_for));
    if let Some((card, load)) = card {
        call.arg(&card.queue);
        card.pass(&mut call, load);
    }
    let (_, now_ms, steps, in_force) = read(redis.run(&call).await?)?;
    redis.clock().heard_of_steps(asked, now_ms, steps);
    Ok(InForce::read(in_force)?)
}

/// The parts of an answer: its word, Redis' clock, the steps of it that were believed, and what is in force.
fn read(mut reply: Vec<redis::Value>) -> Result<(String, i64, u64, Vec<redis::Value>), RedisError> {
    let in_force = reply.split_off(reply.len().min(3));
    let (word, now_ms, steps) = redis::from_redis_value(redis::Value::Array(reply))?;
    Ok((word, now_ms, steps, in_force))
}

/// A limit that an operator can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// Requests per window.
    Rpm,
    /// Requests per second.
    Rps,
    /// Tokens per window.
    Tpm,
    /// Calls in flight.
    Concurrency,
}

impl LimitName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Rps => "rps",
            Self::Tpm => "tpm",
            Self::Concurrency => "concurrency",
        }
    }
}

/// Sets limits of a group for the whole fleet, at once and until they are unset (`None`), whatever workers announce. What
/// was learned from the upstream is forgotten.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn set_limits(
    redis: &RedisPool,
    keys: &Keys,
    group: &Group,
    limits: &[(LimitName, Option<u64>)],
) -> Result<InForce, UnavailableError> {
    let mut call = SET.call();
    call.key(keys.root()).arg(group.as_str());
    for (name, value) in limits {
        call.arg(name.as_str()).arg(value.map(|value| value.to_string()).unwrap_or_default());
    }
    Ok(InForce::read(redis.run(&call).await?)?)
}
