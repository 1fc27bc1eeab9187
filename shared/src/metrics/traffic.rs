//! Counting requests in one process, and adding them up in Redis.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    lifecycle::Lifecycle,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script, millis},
    telemetry::{CpuMeter, cores},
};

static ADD: LuaScript = lua_script!("metrics/add");

/// What was counted is added up this long after the first of it: one command, however many requests.
const INTERVAL: Duration = Duration::from_secs(2);

/// Counts the requests of this process for the fleet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Traffic {
    counted: Arc<Counted>,
}

/// What is not in Redis yet.
#[derive(Debug)]
struct Counted {
    requests: AtomicU64,
    errors: AtomicU64,
    latency_ms: AtomicU64,
    streams: AtomicU64,
    news: Notify,
    /// What all of it took.
    cpu: CpuMeter,
}

impl Traffic {
    /// Starts to add up on `lifecycle`'s tasks. The last of it is added when the process ends.
    #[must_use]
    pub fn start(redis: RedisPool, keys: Keys, lifecycle: &Lifecycle) -> Self {
        let [requests, errors, latency_ms, streams] = std::array::from_fn(|_| AtomicU64::default());
        let (news, cpu) = (Notify::new(), CpuMeter::start());
        let counted = Arc::new(Counted { requests, errors, latency_ms, streams, news, cpu });
        let (adding, leave) = (Arc::clone(&counted), lifecycle.leave().clone());
        lifecycle.tasks().spawn(async move {
            leave.run_until_cancelled(add_up(&adding, &redis, &keys)).await;
            // When Redis is away, what this process counted last is lost with it.
            let _ = adding.add(&redis, &keys).await;
        });
        Self { counted }
    }

    /// A request was answered, after this long; `error`: with a fault of ours.
    pub fn request(&self, took: Duration, error: bool) {
        self.counted.requests.fetch_add(1, Relaxed);
        self.counted.errors.fetch_add(error.into(), Relaxed);
        self.counted.latency_ms.fetch_add(millis(took), Relaxed);
        self.counted.news.notify_one();
    }

    /// An event stream was opened.
    pub fn stream(&self) {
        self.counted.streams.fetch_add(1, Relaxed);
        self.counted.news.notify_one();
    }
}

async fn add_up(counted: &Counted, redis: &RedisPool, keys: &Keys) {
    loop {
        counted.news.notified().await;
        tokio::time::sleep(INTERVAL).await;
        if counted.add(redis, keys).await.is_err() {
            // The pool has told why. It is tried again after the interval.
            counted.news.notify_one();
        }
    }
}

impl Counted {
    async fn add(&self, redis: &RedisPool, keys: &Keys) -> Result<(), UnavailableError> {
        let all = [&self.requests, &self.errors, &self.latency_ms, &self.streams];
        let new = all.map(|counter| counter.swap(0, Relaxed));
        if new.iter().all(|number| *number == 0) {
            return Ok(());
        }
        let [requests, errors, latency_ms, streams] = new;
        let mut call = ADD.call();
        call.key(keys.root()).arg(requests).arg(millis(self.cpu.used())).arg(cores());
        call.arg("errors").arg(errors).arg("latency_ms").arg(latency_ms).arg("streams").arg(streams);
        let added: Result<Vec<String>, _> = redis.run(&call).await;
        if added.is_err() {
            for (counter, number) in all.into_iter().zip(new) {
                counter.fetch_add(number, Relaxed);
            }
        }
        added.map(|_| ())
    }
}
