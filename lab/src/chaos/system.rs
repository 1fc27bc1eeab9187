//! A whole system: a Redis, an upstream that enforces its limit, and processes.

use std::time::Duration;

use anyhow::bail;
use shared::{
    job::{Kind, kinds::GenerateFlashcards},
    limiter::vouch,
    redis::{Keys, RedisPool},
    testing::{
        Proxy, TestRedis,
        simulator::{RunningSimulator, Simulator, SimulatorConfig},
    },
};
use tokio::time::{Instant, sleep};

use super::fleet::Fleet;

/// The prefix that the system works under.
pub(super) const PREFIX: &str = "chaos";
/// Its queue.
pub(super) const QUEUE: &str = GenerateFlashcards::QUEUE.as_str();
/// Attempts before a job is a dead letter: more than chaos takes from one job, however unlucky.
pub(super) const ATTEMPTS: u32 = 10;

/// A lease that lapses soon, so that what waits for it does not take long.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// The time that a call has, beyond what the upstream takes to answer.
const CALL_SLACK: Duration = Duration::from_secs(3);

/// How a system is set up.
#[derive(Debug)]
pub(super) struct Setup {
    /// How Redis writes its append-only file, if it has one.
    pub(super) fsync: Option<&'static str>,
    /// Calls that the upstream allows in a window.
    pub(super) calls: u64,
    pub(super) window: Duration,
    /// How long the upstream takes to answer.
    pub(super) latency: Duration,
    /// Jobs that one worker runs at once.
    pub(super) slots: u32,
    pub(super) lease: Duration,
}

/// A system without processes yet.
#[derive(Debug)]
pub(super) struct System {
    pub(super) setup: Setup,
    pub(super) redis: TestRedis,
    /// What the processes reach Redis through.
    pub(super) proxy: Proxy,
    pub(super) upstream: RunningSimulator,
    pub(super) fleet: Fleet,
    pub(super) keys: Keys,
}

impl System {
    /// Starts Redis and the upstream. Backoffs and the breaker's pauses are short, so that what waits for them does not
    /// take long.
    pub(super) async fn open(setup: Setup) -> anyhow::Result<Self> {
        let redis = TestRedis::with_append_only(setup.fsync).await?;
        let proxy = Proxy::start(redis.port()).await?;
        let keys = Keys::new(PREFIX);
        // Else a Redis that is new gives no permit for a whole window.
        vouch(&redis.patient_pool(), &keys).await?;
        let window_ms = u64::try_from(setup.window.as_millis())?;
        let latency_ms = u64::try_from(setup.latency.as_millis())?;
        let config = SimulatorConfig { rpm: setup.calls, window_ms, latency_ms, ..SimulatorConfig::default() };
        let upstream = Simulator::start(config)?;
        let (text, timeout) = (str::to_owned, setup.latency + CALL_SLACK);
        let settings = vec![
            ("REDIS_URL", proxy.redis_url()),
            ("QUEUE_PREFIX", text(PREFIX)),
            ("AUTH", text("trust-client")),
            ("LOG_FORMAT", text("json")),
            ("OPENAI_BASE_URL", upstream.base_url()),
            ("OPENAI_API_KEY", text("simulated")),
            ("OPENAI_RATE_LIMIT_RPM", setup.calls.to_string()),
            ("OPENAI_RATE_WINDOW_MS", window_ms.to_string()),
            ("OPENAI_RATE_LIMIT_TPM", text("0")),
            ("OPENAI_MAX_CONCURRENT", text("200")),
            ("OPENAI_TIMEOUT_SECONDS", timeout.as_secs().to_string()),
            ("OPENAI_BREAKER_OPEN_MS", text("300")),
            ("OPENAI_BREAKER_OPEN_MAX_MS", text("1000")),
            ("OPENAI_BREAKER_SLOW_PROBE_MS", text("500")),
            ("WORKER_CONCURRENCY", setup.slots.to_string()),
            ("LEASE_SECONDS", setup.lease.as_secs().to_string()),
            // Every text is another one, so no result would ever answer for a second job.
            ("CONTENT_CACHE_TTL_SECONDS", text("0")),
            ("DRAIN_SECONDS", text("20")),
            ("JOB_MAX_ATTEMPTS", ATTEMPTS.to_string()),
            ("JOB_RETRY_BASE_MS", text("50")),
            ("JOB_RETRY_CAP_MS", text("500")),
            ("COMPLETED_TTL_SECONDS", text("3600")),
            ("DEAD_TTL_SECONDS", text("3600")),
            ("QUEUE_MAX_WAITING", text("1000000")),
            // So high that no job is refused, and set, so that holds are kept.
            ("BUDGET_USER_TOKENS_PER_DAY", text("1000000000000")),
            ("USER_AI_LIMIT_PER_MIN", text("0")),
            ("IP_AI_LIMIT_PER_MIN", text("0")),
            ("IP_GENERAL_LIMIT_PER_15MIN", text("0")),
        ];
        let fleet = Fleet::new(settings)?;
        Ok(Self { setup, redis, proxy, upstream, fleet, keys })
    }

    /// A connection for our own questions.
    pub(super) fn pool(&self) -> RedisPool {
        self.redis.patient_pool()
    }

    /// Waits until no accepted job is unfinished; whether that came within `patience`.
    pub(super) async fn until_all_ended(&mut self, patience: Duration) -> anyhow::Result<bool> {
        let pool = self.pool();
        let until = Instant::now() + patience;
        let mut count = redis::pipe();
        count.zcard(self.keys.deadlines(QUEUE));
        while pool.query::<(u64,)>(&count).await?.0 > 0 {
            self.fleet.check_alive()?;
            if Instant::now() > until {
                return Ok(false);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(true)
    }

    /// When the first job ended after `from_ms`, by Redis' clock, which is this machine's.
    pub(super) async fn first_end_after(&self, from_ms: u64, patience: Duration) -> anyhow::Result<u64> {
        let (pool, until) = (self.pool(), Instant::now() + patience);
        let mut read = redis::pipe();
        read.cmd("ZRANGEBYSCORE").arg(self.keys.done(QUEUE)).arg(from_ms).arg("+inf");
        read.arg("WITHSCORES").arg("LIMIT").arg(0).arg(1);
        loop {
            let (first,): (Vec<(String, u64)>,) = pool.query(&read).await?;
            if let Some((_, ended_ms)) = first.first() {
                return Ok(*ended_ms);
            }
            anyhow::ensure!(Instant::now() < until, "no job ended within {} s", patience.as_secs());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// When the first call came to the upstream after `from_ms`.
    pub(super) async fn first_call_after(&self, from_ms: u64, patience: Duration) -> anyhow::Result<u64> {
        let until = Instant::now() + patience;
        loop {
            let mut times = self.upstream.arrivals().into_iter().map(|call| whole_ms(call.t_ms));
            if let Some(called_ms) = times.find(|called_ms| *called_ms >= from_ms) {
                return Ok(called_ms);
            }
            anyhow::ensure!(Instant::now() < until, "no call came within {} s", patience.as_secs());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Bytes that Redis uses.
    pub(super) async fn used_memory(&self) -> anyhow::Result<u64> {
        used_memory(&self.pool()).await
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time since 1970, in ms")]
const fn whole_ms(ms: f64) -> u64 {
    ms as u64
}

/// Bytes that Redis uses.
pub(crate) async fn used_memory(pool: &RedisPool) -> anyhow::Result<u64> {
    let mut info = redis::pipe();
    info.cmd("INFO").arg("memory");
    let (memory,) = pool.query::<(String,)>(&info).await?;
    match memory.lines().find_map(|line| line.strip_prefix("used_memory:")) {
        Some(bytes) => Ok(bytes.trim().parse()?),
        None => bail!("Redis does not say what memory it uses"),
    }
}
