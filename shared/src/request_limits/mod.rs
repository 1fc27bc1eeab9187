//! How often a user, or an address, may ask: for all replicas together, and exact in every window.

mod kinds;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use kinds::LimitKinds;

use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static COUNT: LuaScript = lua_script!("request_limits/count");

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// Every limit, in the order in which they were given.
    pub standings: Vec<Standing>,
    /// Which of them is used up, where one is: then the request was counted against none.
    pub over: Option<usize>,
    /// Redis' time, in ms since the Unix epoch.
    pub now_ms: u64,
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

    /// Counts one request against all of `limits`, or against none where one of them is used up. Requests for jobs are
    /// counted where they are accepted: [`Queue::submit`](crate::queue::Queue::submit).
    ///
    /// # Errors
    ///
    /// When Redis does not answer. The request may have been counted.
    pub async fn count(&self, limits: &[RequestLimit]) -> Result<Counted, UnavailableError> {
        self.run(limits, true).await
    }

    /// Where `limits` stand; nothing is counted.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn look(&self, limits: &[RequestLimit]) -> Result<Counted, UnavailableError> {
        self.run(limits, false).await
    }

    async fn run(&self, limits: &[RequestLimit], counts: bool) -> Result<Counted, UnavailableError> {
        let mut call = COUNT.call();
        call.key(self.keys.root()).arg("").arg(u8::from(counts));
        let kinds = LimitKinds::of(limits);
        kinds.tell(&mut call);
        kinds.tell_subjects(&mut call, limits);
        let (_, reply): (String, String) = self.redis.run(&call).await?;
        let words: Vec<&str> = reply.split(' ').collect();
        Ok(Counted::read(&words, limits))
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

impl Counted {
    /// Reads Redis' time, which limit refuses, and where each stands.
    pub(crate) fn read(words: &[&str], limits: &[RequestLimit]) -> Self {
        let number = |word: Option<&&str>| word.and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let standing = |(limit, words): (&RequestLimit, &[&str])| Standing {
            limit: limit.clone(),
            remaining: u32::try_from(number(words.first())).unwrap_or(u32::MAX),
            reset_at_ms: number(words.get(1)),
        };
        let over = usize::try_from(number(words.get(1))).ok().and_then(|over| over.checked_sub(1));
        let standings = limits.iter().zip(words.get(2..).unwrap_or_default().chunks(2)).map(standing).collect();
        Self { standings, over, now_ms: number(words.first()) }
    }
}
