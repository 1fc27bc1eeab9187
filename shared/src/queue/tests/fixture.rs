//! A queue on a Redis of its own, worked by hand.

use std::{sync::Arc, time::Duration};

use redis::FromRedisValue;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    budget::{Allowance, Limits},
    config::{ContentSharing, JobsConfig},
    job::{JobError, JobId, JobView, Kind, QueueName, RetryPolicy},
    queue::{
        JobContext, NewJob, Queue,
        outcome::Outcome,
        settle::{Retention, Settled, settle},
        take::{Standing, TakeSettings, Taken, TakenJob, take},
    },
    redis::{Keys, RedisPool},
    testing::TestRedis,
};

/// A job that says something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Echo {
    pub(super) say: String,
}

impl Kind for Echo {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
}

pub(super) const QUEUE: &str = "ai-jobs";

pub(super) struct Fixture {
    pub(super) redis: TestRedis,
    pub(super) pool: RedisPool,
    pub(super) queue: Queue,
    pub(super) keys: Keys,
    pub(super) settings: TakeSettings,
    jobs: JobsConfig,
}

/// A job of 100 tokens may come to 100 + 1,500 + 400 = 2,000 of them.
pub(super) fn allowance(limits: Limits) -> Allowance {
    Allowance {
        limits,
        prices: "model=1/10".parse().unwrap(),
        model: "model".to_owned(),
        chunk_tokens: 1_000,
        max_output_tokens: 400,
    }
}

pub(super) fn jobs_config() -> JobsConfig {
    JobsConfig {
        job_max_attempts: 3,
        job_max_crashes: 3,
        job_retry_base_ms: 1,
        job_retry_cap_ms: 1,
        job_deadline_seconds: 3_600,
        completed_ttl_seconds: 600,
        dead_ttl_seconds: 1_200,
        content_cache_ttl_seconds: 600,
        cache_max_bytes: 1_000_000,
        content_sharing: ContentSharing::Shared,
        queue_max_waiting: 100_000,
        queue_max_bytes: 100_000_000,
    }
}

impl Fixture {
    pub(super) async fn start() -> Self {
        Self::with_jobs(jobs_config()).await
    }

    pub(super) async fn with_jobs(jobs: JobsConfig) -> Self {
        let redis = TestRedis::start().await.unwrap();
        let pool = redis.patient_pool();
        let settings = TakeSettings {
            queue: QUEUE.to_owned(),
            worker: "by-hand".to_owned(),
            lease: Duration::from_secs(30),
            dead_ttl: jobs.dead_ttl(),
            completed_ttl: jobs.completed_ttl(),
            lanes: vec![Echo::lane().as_str().to_owned()],
            max_crashes: jobs.job_max_crashes,
            standing: Standing { holding: 0, finished: true, lived: Duration::ZERO },
            upstream: None,
        };
        let queue = Queue::new(pool.clone(), "test", jobs.clone());
        Self { redis, pool, queue, keys: Keys::new("test"), settings, jobs }
    }

    pub(super) async fn enqueue(&self, say: &str) -> JobId {
        let payload = Echo { say: say.to_owned() };
        self.accept(&NewJob::new(payload, "ada")).await
    }

    pub(super) async fn accept<K: Kind>(&self, job: &NewJob<K>) -> JobId {
        self.queue.enqueue(job).await.unwrap().id
    }

    pub(super) async fn take_as(&self, request: &str, want: usize, settings: &TakeSettings) -> Taken {
        take(&self.pool, &self.keys, settings, request, want).await.unwrap().taken
    }

    /// Takes up to `want` jobs under a new request.
    pub(super) async fn take(&self, want: usize) -> Vec<TakenJob> {
        let request = JobId::new().to_string();
        match self.take_as(&request, want, &self.settings).await {
            Taken::Jobs(jobs, _) => jobs,
            Taken::Wait(_) => Vec::new(),
        }
    }

    /// Sets the clock of a test in which time passes as it says (`take_time_from_hand_clock`).
    pub(super) async fn set_clock(&self, now_ms: i64) {
        let (s, us) = (now_ms / 1_000, now_ms % 1_000 * 1_000);
        let clock = format!("{}:clock", self.keys.root());
        self.raw::<u64>(&["HSET", &clock, "s", &s.to_string(), "us", &us.to_string()]).await;
    }

    /// Takes a job whose holder is then silent until its lease has lapsed.
    pub(super) async fn take_and_lapse(&self) -> TakenJob {
        let job = self.take_one().await;
        self.raw::<u64>(&["ZADD", &self.keys.leases(QUEUE), "1", &job.id.to_string()]).await;
        job
    }

    /// Does what a take does that may bring no job.
    pub(super) async fn look(&self) -> u64 {
        let settings = TakeSettings { worker: "other".to_owned(), lanes: Vec::new(), ..self.settings.clone() };
        take(&self.pool, &self.keys, &settings, &JobId::new().to_string(), 1).await.unwrap().lost
    }

    pub(super) async fn take_one(&self) -> TakenJob {
        self.take(1).await.pop().expect("a job is waiting")
    }

    pub(super) fn context(&self, job: &TakenJob) -> JobContext {
        JobContext {
            redis: self.pool.clone(),
            keys: Arc::new(self.keys.clone()),
            queue: Arc::from(QUEUE),
            lane: Arc::from(job.lane.as_str()),
            id: job.id,
            fence: job.fence,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            resumed: job.resumed,
            upstream: self.settings.upstream.clone(),
            stats: Arc::default(),
            calls: Arc::default(),
        }
    }

    pub(super) async fn complete(&self, job: &TakenJob) -> Settled {
        self.settle(job, &Outcome::Complete(raw("done"))).await
    }

    /// Settles with an error; retries are due at once.
    pub(super) async fn end(&self, job: &TakenJob, error: &JobError) -> Settled {
        let policy = RetryPolicy { base: Duration::ZERO, cap: Duration::ZERO };
        self.settle(job, &Outcome::of_error(error, policy, job.attempt)).await
    }

    pub(super) async fn settle(&self, job: &TakenJob, outcome: &Outcome) -> Settled {
        settle(&self.context(job), outcome, Retention::from(&self.jobs)).await.unwrap()
    }

    pub(super) async fn view(&self, id: JobId) -> JobView {
        self.queue.job(id).await.unwrap().expect("the job is known")
    }

    /// The answer to one raw command.
    pub(super) async fn raw<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.pool.connection()).await.unwrap()
    }

    /// The keys that would stay for ever: every index, and nothing else.
    pub(super) async fn keys_without_ttl(&self) -> Vec<String> {
        let mut lasting = Vec::new();
        for key in self.raw::<Vec<String>>(&["KEYS", "*"]).await {
            if self.raw::<i64>(&["PTTL", &key]).await == -1 {
                lasting.push(key);
            }
        }
        lasting.sort_unstable();
        lasting
    }
}

pub(super) fn raw(text: &str) -> Box<RawValue> {
    to_raw_value(text).unwrap()
}
