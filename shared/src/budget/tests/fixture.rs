//! A budget on a Redis of its own, whose fragment is driven by hand and at any time.

use redis::FromRedisValue;

use crate::{
    budget::{Budget, Limits, Spend},
    redis::{Keys, LuaScript, RedisPool, lua_script},
    testing::TestRedis,
};

static DRIVE: LuaScript = lua_script!("budget/tests/drive");

pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;
/// Noon of 2028-02-29.
pub(super) const LEAP_DAY: u64 = 1_835_438_400_000;

/// Tokens and micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) tokens: u64,
    pub(super) micros: u64,
}

pub(super) const fn amount(tokens: u64, micros: u64) -> Amount {
    Amount { tokens, micros }
}

pub(super) struct Fixture {
    _redis: TestRedis,
    pub(super) pool: RedisPool,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
}

impl Fixture {
    pub(super) async fn start(limits: Limits) -> Self {
        let redis = TestRedis::start().await.unwrap();
        let pool = redis.patient_pool();
        Self { _redis: redis, pool, keys: Keys::new("test"), limits }
    }

    pub(super) fn budget(&self) -> Budget {
        Budget::new(self.pool.clone(), self.keys.clone(), self.limits)
    }

    async fn drive(&self, call: &str, at: &str, user: &str, amount: Amount) -> Vec<String> {
        let mut invocation = DRIVE.call();
        let arguments = invocation.key(self.keys.root()).arg(call).arg(at).arg(user);
        arguments.arg(amount.tokens).arg(amount.micros).arg(&self.limits.in_order()[..]);
        self.pool.run(&invocation).await.unwrap()
    }

    /// As a job is accepted: what was held in, or the refusal.
    pub(super) async fn accept(&self, now: u64, user: &str, amount: Amount) -> Result<String, Vec<String>> {
        match self.drive("accept", &now.to_string(), user, amount).await {
            reply if reply[0] == "held" => Ok(reply[1].clone()),
            refusal => Err(refusal),
        }
    }

    pub(super) async fn release(&self, held_in: &str, user: &str, amount: Amount) {
        self.drive("release", held_in, user, amount).await;
    }

    pub(super) async fn spend(&self, now: u64, user: &str, amount: Amount) {
        self.drive("spend", &now.to_string(), user, amount).await;
    }

    pub(super) async fn assume(&self, now: u64, user: &str, amount: Amount) {
        self.drive("assume", &now.to_string(), user, amount).await;
    }

    /// Day, its end and the month's end at each of these times.
    pub(super) async fn periods(&self, times: &[u64]) -> Vec<(String, u64, u64)> {
        let mut invocation = DRIVE.call();
        invocation.key(self.keys.root()).arg("periods").arg(times);
        self.pool.run(&invocation).await.unwrap()
    }

    /// The answer to one raw command.
    pub(super) async fn raw<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.pool.connection()).await.unwrap()
    }

    /// The counters of a period: `user:2028-02-29:ada`, `fleet:2028-02`.
    pub(super) async fn counted(&self, period: &str) -> Spend {
        let key = self.key(period);
        let fields = ["tokens", "micros", "held_tokens", "held_micros", "assumed_tokens", "assumed_micros"];
        let counted: [Option<u64>; 6] = self.raw(&[&["HMGET", &key], &fields[..]].concat()).await;
        let [tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros] =
            counted.map(Option::unwrap_or_default);
        Spend { tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros }
    }

    pub(super) fn key(&self, period: &str) -> String {
        format!("{}:spend:{period}", self.keys.root())
    }

    /// Every period that is counted.
    pub(super) async fn known(&self) -> Vec<String> {
        let keys: Vec<String> = self.raw(&["KEYS", &self.key("*")]).await;
        let mut periods: Vec<_> = keys.iter().map(|key| key[self.key("").len()..].to_owned()).collect();
        periods.sort_unstable();
        periods
    }
}
