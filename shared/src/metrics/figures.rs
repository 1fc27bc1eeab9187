//! Reading the counters.

use std::{collections::HashMap, time::Duration};

use crate::redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script};

static READ: LuaScript = lua_script!("metrics/read");

const MINUTE_MS: u64 = 60_000;

/// What the fleet has done since it began to count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    now_ms: u64,
    counters: HashMap<String, u64>,
}

impl Figures {
    /// When they were read, by Redis' clock, in ms since the Unix epoch.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Since when requests are counted, in ms since the Unix epoch; `None` before the first.
    #[must_use]
    pub fn since_ms(&self) -> Option<u64> {
        self.counters.get("since").copied()
    }

    /// How long requests have been counted, in ms.
    #[must_use]
    pub fn age_ms(&self) -> u64 {
        self.since_ms().map_or(0, |since| self.now_ms.saturating_sub(since))
    }

    /// Requests of clients.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counter("requests")
    }

    /// Those of them that were answered with a fault of ours.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.counter("errors")
    }

    /// How long all of them took together, in ms.
    #[must_use]
    pub fn latency_ms(&self) -> u64 {
        self.counter("latency_ms")
    }

    /// Event streams that were opened.
    #[must_use]
    pub fn streams(&self) -> u64 {
        self.counter("streams")
    }

    /// Calls to a provider that were made, and those of them that ended without an answer that could be used.
    #[must_use]
    pub fn calls(&self, provider: &str) -> (u64, u64) {
        (self.counter(&format!("{provider}_requests")), self.counter(&format!("{provider}_errors")))
    }

    /// How long a call to a provider takes that goes well, as a moving mean; `None` before the first.
    #[must_use]
    pub fn call_time(&self, provider: &str) -> Option<Duration> {
        self.counters.get(&format!("{provider}_call_us")).copied().map(Duration::from_micros)
    }

    /// Requests in the last 60 s: those of this minute, and of the last one as much as is still within that time.
    #[must_use]
    pub fn requests_per_minute(&self) -> u64 {
        self.in_the_last_minute("this_minute", "last_minute")
    }

    /// Cores that all api processes used in the last 60 s.
    #[must_use]
    pub fn api_cores_used(&self) -> f64 {
        let used = Duration::from_millis(self.in_the_last_minute("this_cpu_ms", "last_cpu_ms"));
        used.as_secs_f64() / Duration::from_millis(MINUTE_MS).as_secs_f64()
    }

    /// Cores that an api process may use; 0 before one has said so.
    #[must_use]
    pub fn api_cores(&self) -> u64 {
        self.counter("api_cores")
    }

    fn in_the_last_minute(&self, this: &str, last: &str) -> u64 {
        let passed = self.now_ms % MINUTE_MS;
        match (self.now_ms / MINUTE_MS).checked_sub(self.counter("minute")) {
            Some(0) => self.counter(this) + share(self.counter(last), passed),
            Some(1) => share(self.counter(this), passed),
            _ => 0,
        }
    }

    fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }
}

/// What of a minute's requests still counts when `passed` ms of the next one are over.
const fn share(requests: u64, passed: u64) -> u64 {
    requests.saturating_mul(MINUTE_MS - passed) / MINUTE_MS
}

/// Reads the counters of the fleet.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn read_figures(redis: &RedisPool, keys: &Keys) -> Result<Figures, UnavailableError> {
    let mut call = READ.call();
    let reply: Vec<String> = redis.run(call.key(keys.root())).await?;
    let mut words = reply.into_iter().skip(1);
    let now_ms = words.next().and_then(|now| now.parse().ok()).unwrap_or_default();
    let mut counters = HashMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if let Ok(value) = value.parse() {
            counters.insert(name, value);
        }
    }
    Ok(Figures { now_ms, counters })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now_ms: u64, counters: &[(&str, u64)]) -> Figures {
        Figures { now_ms, counters: counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
    }

    #[test]
    fn a_minute_slides() {
        let counters = [("minute", 10), ("this_minute", 30), ("last_minute", 60)];
        for (now_ms, expected) in
            [(600_000, 90), (615_000, 75), (630_000, 60), (660_000, 30), (690_000, 15), (720_000, 0), (60_000, 0)]
        {
            assert_eq!(at(now_ms, &counters).requests_per_minute(), expected, "{now_ms}");
        }
    }

    #[test]
    fn nothing_was_counted_yet() {
        let figures = at(5_000, &[]);
        assert_eq!((figures.requests(), figures.calls("openai"), figures.age_ms()), (0, (0, 0), 0));
    }
}
