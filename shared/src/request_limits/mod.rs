//! How often a user, or an address, may ask: for all replicas together, and exact in every window.

#[cfg(test)]
mod tests;

use std::time::Duration;

use redis::{FromRedisValue, RedisError, Value, from_redis_value};
use uuid::Uuid;

use crate::{
    queue::idempotency_digest,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, millis},
};

static COUNT: LuaScript = LuaScript::new(concat!(
    include_str!("../queue/keys.lua"),
    include_str!("../users/track.lua"),
    include_str!("count.lua")
));

/// The names of the limits that count a user's requests, whatever the address.
pub const OF_USERS: [&str; 2] = ["user-ai", "user-pronunciation"];

/// Something that may be asked so often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLimit {
    /// What is counted, such as `user-ai`.
    pub name: &'static str,
    /// Whose requests these are: a user, or an address.
    pub subject: String,
    /// Most requests in any window.
    pub most: u32,
    /// How long a request counts.
    pub window: Duration,
}

/// Where a limit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which limit.
    pub limit: RequestLimit,
    /// How many more requests there may be now.
    pub remaining: u32,
    /// When there may be one more than that, in ms since the Unix epoch.
    pub reset_at_ms: u64,
}

/// What counting a request has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Every limit, in the order in which they were given.
    pub standings: Vec<Standing>,
    /// Which of them is used up, where one is: then the request was counted against none.
    pub over: Option<usize>,
    /// Redis' time, in ms since the Unix epoch.
    pub now_ms: u64,
}

/// Who asks for a job.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The user. A suspended one's requests are not counted: they are refused when the job should be accepted.
    pub user: &'a str,
    /// The request's idempotency key: one that was accepted under it before costs nothing.
    pub idempotency_key: Option<&'a str>,
}

/// Counts requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestLimits {
    redis: RedisPool,
    keys: Keys,
}

impl RequestLimits {
    /// Counts below the prefix of `keys`.
    #[must_use]
    pub const fn new(redis: RedisPool, keys: Keys) -> Self {
        Self { redis, keys }
    }

    /// Counts one request against all of `limits`, or against none where one of them is used up, or where what `asker` asks
    /// for costs nothing. Without an asker it is a request for no job.
    ///
    /// # Errors
    ///
    /// When Redis does not answer. The request may have been counted.
    pub async fn count(&self, limits: &[RequestLimit], asker: Option<Asker<'_>>) -> Result<Counted, UnavailableError> {
        self.run(limits, &Uuid::now_v7().to_string(), asker).await
    }

    /// Where `limits` stand; nothing is counted.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn look(&self, limits: &[RequestLimit]) -> Result<Counted, UnavailableError> {
        self.run(limits, "", None).await
    }

    async fn run(
        &self,
        limits: &[RequestLimit],
        request: &str,
        asker: Option<Asker<'_>>,
    ) -> Result<Counted, UnavailableError> {
        let (user, key) = asker.map_or(("", None), |asker| (asker.user, asker.idempotency_key));
        let digest = key.map(|key| idempotency_digest(user, key)).unwrap_or_default();
        let mut call = COUNT.call();
        call.key(self.keys.root()).arg("").arg(request).arg(digest).arg(user);
        for limit in limits {
            call.arg(limit.name).arg(&limit.subject).arg(limit.most).arg(millis(limit.window));
        }
        let reply: Vec<Value> = self.redis.run(&call).await?;
        Ok(read(reply, limits)?)
    }

    /// Forgets what was counted of a subject. Whether there was something.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn forget(&self, name: &str, subject: &str) -> Result<bool, UnavailableError> {
        let mut forget = redis::pipe();
        forget.del(self.keys.requests(name, subject));
        let (keys,): (u64,) = self.redis.query(&forget).await?;
        Ok(keys > 0)
    }
}

fn read(reply: Vec<Value>, limits: &[RequestLimit]) -> Result<Counted, RedisError> {
    let mut reply = reply.into_iter();
    let word: String = next(&mut reply)?;
    let now_ms = next(&mut reply)?;
    let over = if word == "over" { Some(next::<usize>(&mut reply)?.saturating_sub(1)) } else { None };
    let mut standings = Vec::with_capacity(limits.len());
    for limit in limits {
        let (remaining, reset_at_ms) = (next(&mut reply)?, next(&mut reply)?);
        standings.push(Standing { limit: limit.clone(), remaining, reset_at_ms });
    }
    Ok(Counted { standings, over, now_ms })
}

fn next<T: FromRedisValue>(reply: &mut impl Iterator<Item = Value>) -> Result<T, RedisError> {
    Ok(from_redis_value(reply.next().unwrap_or(Value::Nil))?)
}
