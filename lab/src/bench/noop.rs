//! The worker process of the benches: its jobs do nothing but say when they were started.

use std::process::{ExitCode, Stdio};

use anyhow::Context;
use clap::{Args, Parser};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::{
    clock,
    config::{JobsConfig, RedisConfig, WorkerConfig},
    job::{JobError, Kind, QueueName},
    lifecycle::Lifecycle,
    queue::{Handler, JobContext, Queue, Registry, Worker},
    redis::RedisPool,
    testing::TestRedis,
};
use tokio::process::{Child, Command};

/// The prefix that the benches work under.
pub(super) const PREFIX: &str = "bench";

/// A worker that does nothing with its jobs.
#[derive(Debug, Args)]
pub(crate) struct NoopWorkerArgs {
    #[command(flatten)]
    redis: RedisConfig,
    #[command(flatten)]
    jobs: JobsConfig,
    #[command(flatten)]
    worker: WorkerConfig,

    /// Jobs that are doomed fail for good
    #[arg(long)]
    doom: bool,
}

/// A job that does nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Noop {
    /// Tells one from the other.
    pub(super) number: u64,
}

impl Kind for Noop {
    const NAME: &'static str = "bench-noop";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
}

/// A job with all that a job of the API has: a text, work that others may want, and what it may come to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Doomed {
    /// Tells one from the other.
    pub(super) number: u64,
    /// Something to carry.
    pub(super) text: String,
}

impl Kind for Doomed {
    const NAME: &'static str = "bench-doomed";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(1);

    fn tokens(&self) -> u32 {
        100
    }
}

/// What a no-op job comes to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Started {
    /// When the handler was entered, in µs since the Unix epoch.
    pub(super) started_us: u64,
}

struct NoopHandler;

impl Handler for NoopHandler {
    type Payload = Noop;

    async fn run(&self, _job: JobContext, _payload: Noop) -> Result<Box<RawValue>, JobError> {
        let started = Started { started_us: clock::unix_us() };
        to_raw_value(&started).map_err(|error| JobError::fail("encode", "No JSON").with_source(error))
    }
}

/// Fails its jobs for good, by two errors in turn; or does nothing.
struct DoomedHandler {
    doom: bool,
}

impl Handler for DoomedHandler {
    type Payload = Doomed;

    async fn run(&self, _job: JobContext, payload: Doomed) -> Result<Box<RawValue>, JobError> {
        let code = if payload.number.is_multiple_of(2) { "bench_even" } else { "bench_odd" };
        if self.doom {
            return Err(JobError::fail(code, "It was doomed"));
        }
        to_raw_value("well").map_err(|error| JobError::fail("encode", "No JSON").with_source(error))
    }
}

pub(super) async fn run(args: NoopWorkerArgs) -> anyhow::Result<ExitCode> {
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(args.worker.drain())?;
    let redis = RedisPool::new(&args.redis)?;
    let registry = Registry::new().with(NoopHandler).with(DoomedHandler { doom: args.doom });
    let settings = (&args.jobs, &args.worker);
    let worker = Worker::new(redis, &args.redis.queue_prefix, Noop::QUEUE, registry, None, settings, &lifecycle);
    worker.run(&lifecycle).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    lifecycle.finish().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a worker process with `concurrency` slots on `redis`. It ends with the returned value.
pub(super) fn start(redis: &TestRedis, concurrency: u32) -> anyhow::Result<Child> {
    start_with(redis, concurrency, &[])
}

/// The same with further settings.
pub(super) fn start_with(redis: &TestRedis, concurrency: u32, more: &[&str]) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program's own path")?;
    Command::new(program)
        .args(["bench", "noop-worker", "--redis-url", &redis.url(), "--queue-prefix", PREFIX])
        .args(["--worker-concurrency", &concurrency.to_string()])
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the worker could not be started")
}

/// The queue of the benches on `redis`, with the settings of a fresh installation and no bound on its length.
pub(super) fn queue(redis: &TestRedis) -> anyhow::Result<Queue> {
    #[derive(Parser)]
    struct Defaults {
        #[command(flatten)]
        jobs: JobsConfig,
    }
    let jobs = Defaults::try_parse_from(["bench", "--queue-max-waiting", "100000000"])?.jobs;
    Ok(Queue::new(redis.patient_pool(), PREFIX, jobs))
}

/// The keys of the benches.
pub(super) fn keys() -> shared::redis::Keys {
    shared::redis::Keys::new(PREFIX)
}
