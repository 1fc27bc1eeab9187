//! STUB: the shape that callers see.
use std::{collections::BTreeMap, future::Future, time::Duration};

use serde_json::value::RawValue;

use crate::{
    config::{JobsConfig, WorkerConfig},
    job::{JobError, JobId, JobView, Kind, Lane, QueueName},
    lifecycle::Lifecycle,
    redis::{RedisPool, UnavailableError},
};

/// What callers hand in.
#[derive(Debug)]
pub struct NewJob<K> {
    /// The payload.
    pub payload: K,
    /// Who asks.
    pub user: String,
    /// Not before this long from now.
    pub delay: Duration,
}

/// Why a job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// Too many wait already.
    #[error("the queue is full")]
    Full,
    /// Redis did not answer.
    #[error(transparent)]
    Unavailable(#[from] UnavailableError),
}

/// Puts jobs in and reads them.
#[derive(Debug, Clone)]
pub struct Queue {}
impl Queue {
    /// New.
    #[must_use]
    pub fn new(_redis: RedisPool, _prefix: &str, _jobs: JobsConfig) -> Self {
        unimplemented!()
    }
    /// Accepts a job: when this returns Ok, the job is in Redis and will end.
    /// # Errors
    /// Full or unavailable.
    pub async fn enqueue<K: Kind>(&self, _job: &NewJob<K>) -> Result<JobId, EnqueueError> {
        unimplemented!()
    }
    /// Reads a job; None when unknown.
    /// # Errors
    /// Redis away.
    pub async fn job(&self, _id: JobId) -> Result<Option<JobView>, UnavailableError> {
        unimplemented!()
    }
    /// Jobs that wait in a queue now.
    /// # Errors
    /// Redis away.
    pub async fn waiting(&self, _queue: QueueName) -> Result<u64, UnavailableError> {
        unimplemented!()
    }
}

/// Ends of jobs, pushed by Redis: one subscription connection for the whole process, none per waiter.
#[derive(Debug, Clone)]
pub struct JobEvents {}
impl JobEvents {
    /// Starts the subscriber on `lifecycle`'s tasks.
    #[must_use]
    pub fn start(_redis: RedisPool, _queue: Queue, _lifecycle: &Lifecycle) -> Self {
        unimplemented!()
    }
    /// Waits until the job has ended, at most `patience`; then its view, ended or not (None: unknown).
    /// # Errors
    /// Redis away.
    pub async fn wait(&self, _id: JobId, _patience: Duration) -> Result<Option<JobView>, UnavailableError> {
        unimplemented!()
    }
}

/// What a handler knows of the job it runs.
#[derive(Debug, Clone)]
pub struct JobContext {}
impl JobContext {
    /// Id.
    #[must_use]
    pub fn id(&self) -> JobId {
        unimplemented!()
    }
    /// From 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        unimplemented!()
    }
    /// What earlier attempts have recorded with [`Self::checkpoint`], by name.
    /// # Errors
    /// Redis away: retry.
    pub async fn checkpoints(&self) -> Result<BTreeMap<String, String>, JobError> {
        unimplemented!()
    }
    /// Records a piece of finished work under `name`, and the progress in percent, in one fenced step.
    /// # Errors
    /// The lease is gone, or Redis is away.
    pub async fn checkpoint(&self, _name: &str, _value: &str, _progress: u8) -> Result<(), JobError> {
        unimplemented!()
    }
}

/// Runs jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    /// What it runs.
    type Payload: Kind;
    /// Runs one attempt.
    fn run(
        &self,
        job: JobContext,
        payload: Self::Payload,
    ) -> impl Future<Output = Result<Box<RawValue>, JobError>> + Send;
}

/// The kinds that a worker knows.
#[derive(Default)]
pub struct Registry {}
impl Registry {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a handler.
    #[must_use]
    pub fn with<H: Handler>(self, _handler: H) -> Self {
        self
    }
    /// Lanes.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane> {
        unimplemented!()
    }
}

/// Figures of one worker process since its start.
#[derive(Debug, Default)]
pub struct WorkerStats {}
impl WorkerStats {
    /// Attempts that ended.
    #[must_use]
    pub fn processed(&self) -> u64 {
        0
    }
    /// Attempts that ended well.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        0
    }
    /// Attempts that did not.
    #[must_use]
    pub fn failed(&self) -> u64 {
        0
    }
    /// Jobs that run now.
    #[must_use]
    pub fn running(&self) -> u64 {
        0
    }
    /// Most jobs that ever ran at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        0
    }
}

/// A worker of one queue: takes, runs, renews, settles, until `lifecycle` says stop.
pub struct Worker {}
impl Worker {
    /// New.
    #[must_use]
    pub fn new(
        _redis: RedisPool,
        _prefix: &str,
        _queue: QueueName,
        _registry: Registry,
        _jobs: JobsConfig,
        _config: WorkerConfig,
    ) -> Self {
        unimplemented!()
    }
    /// Its figures.
    #[must_use]
    pub fn stats(&self) -> std::sync::Arc<WorkerStats> {
        unimplemented!()
    }
    /// Runs until the lifecycle drains.
    /// # Errors
    /// Only when the runtime of apalis fails.
    pub async fn run(self, _lifecycle: &Lifecycle) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        unimplemented!()
    }
}
