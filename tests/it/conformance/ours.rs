//! Our backend, as an apalis worker uses it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use apalis::prelude::{WorkerBuilder, WorkerContext};
use apalis_core::{error::BoxDynError, task::Task};
use apalis_redis::Config;
use serde_json::value::{RawValue, to_raw_value};
use shared::{
    config::JobsConfig,
    job::{JobError, JobId, Kind, RetryPolicy},
    queue::{BackendOptions, Lease, NewJob, Queue, RedisBackend},
    redis::{Keys, RedisPool},
    testing::TestRedis,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::subject::{Behaviour, Echo, End, MAX_ATTEMPTS, Running, Script, Subject};

const PREFIX: &str = "conformance";

pub(super) struct Ours {
    client: redis::Client,
    pool: RedisPool,
    queue: Queue,
    config: Config,
    fallback_poll: Duration,
}

impl Subject for Ours {
    const PATIENCE: Duration = Duration::from_mins(1);

    async fn new(redis: &TestRedis, config: Config) -> Self {
        let pool = redis.pool();
        let client = redis::Client::open(redis.url()).unwrap();
        Self {
            client,
            queue: Queue::new(redis.patient_pool(), PREFIX, jobs_config()),
            pool,
            config: config.queue(Echo::QUEUE.as_str()),
            fallback_poll: Duration::from_secs(1),
        }
    }

    fn redis(&self) -> &redis::Client {
        &self.client
    }

    async fn push(&mut self, say: &str) {
        self.enqueue(say).await;
    }

    async fn push_many(&mut self, count: usize) {
        for _ in 0..count {
            self.enqueue("one of many").await;
        }
    }

    async fn push_garbage(&mut self) {
        let id = self.enqueue("garbage").await;
        let mut spoil = redis::pipe();
        spoil.hset(Keys::new(PREFIX).job(id), "payload", "not JSON").ignore();
        self.pool.query::<()>(&spoil).await.unwrap();
    }

    fn start(&self, behaviour: Behaviour) -> Running {
        let (pool, config, fallback_poll) = (self.pool.clone(), self.config.clone(), self.fallback_poll);
        Running::start(Self::PATIENCE, behaviour, |script, stop| async move {
            let name = format!("ours-{}", JobId::new());
            let context = WorkerContext::new(&name);
            let backend = RedisBackend::new(pool, config, options(stop.asked.clone(), fallback_poll));
            let worker = WorkerBuilder::new(context.clone()).backend(backend).build(Player(script)).run();
            tokio::pin!(worker);
            tokio::select! {
                ended = &mut worker => return format!("{ended:?}"),
                () = stop.asked.cancelled() => context.stop().expect("it runs"),
            }
            stop.heard.cancel();
            format!("{:?}", worker.await)
        })
    }

    fn make_heartbeats_rare(&mut self) {
        self.fallback_poll = Self::PATIENCE * 4;
        self.config = self.config.clone().heartbeat_interval(Self::PATIENCE * 4);
    }

    fn count_done(&self) -> redis::Cmd {
        redis::Cmd::zcard(Keys::new(PREFIX).done(Echo::QUEUE.as_str()))
    }

    fn count_dead(&self) -> redis::Cmd {
        redis::Cmd::zcard(Keys::new(PREFIX).dead(Echo::QUEUE.as_str()))
    }
}

impl Ours {
    async fn enqueue(&self, say: &str) -> JobId {
        self.queue.enqueue(&NewJob::new(Echo { say: say.to_owned() }, "ada")).await.unwrap().id
    }
}

fn jobs_config() -> JobsConfig {
    JobsConfig {
        job_max_attempts: MAX_ATTEMPTS,
        // The first crash makes it a suspect.
        job_max_crashes: MAX_ATTEMPTS - 1,
        queue_max_waiting: 1_000_000,
        ..crate::harness::jobs_config()
    }
}

fn options(drain: CancellationToken, fallback_poll: Duration) -> BackendOptions {
    BackendOptions {
        replica: "conformance".to_owned(),
        upstream: None,
        prefix: PREFIX.to_owned(),
        lanes: vec![Echo::lane()],
        concurrency: 64,
        fallback_poll,
        jobs: jobs_config(),
        retry: RetryPolicy { base: Duration::from_millis(10), cap: Duration::from_millis(10) },
        drain,
        leave: CancellationToken::new(),
    }
}

/// The handler as a plain service over leases.
#[derive(Clone)]
struct Player(Script);

impl Service<Task<Lease>> for Player {
    type Response = Box<RawValue>;
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<Box<RawValue>, BoxDynError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Lease>) -> Self::Future {
        let script = self.0.clone();
        Box::pin(async move {
            let echo: Echo = serde_json::from_slice(task.args.payload())?;
            match script.play(echo.say).await {
                End::Well => Ok(to_raw_value(&())?),
                End::Badly => Err(JobError::retry("badly", "As it was told").into()),
                End::BadlyFor(delay) => Err(JobError::retry_after(delay, "badly", "As it was told").into()),
            }
        })
    }
}
