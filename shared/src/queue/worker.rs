//! A worker process's queue side.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis::prelude::{WorkerBuilder, WorkerContext, WorkerError};
use apalis_core::{error::BoxDynError, task::Task};
use apalis_redis::Config;
use serde_json::value::RawValue;
use tower_service::Service;
use uuid::Uuid;

use super::{BackendOptions, Lease, RedisBackend, Registry, WorkerStats};
use crate::{
    config::{JobsConfig, WorkerConfig},
    job::{JobError, QueueName, RetryPolicy},
    lifecycle::Lifecycle,
    limiter::Upstream,
    redis::RedisPool,
};

/// A lease is renewed this many times before it lapses.
const RENEWALS_PER_LEASE: u32 = 3;

/// Takes, runs, renews and settles the jobs of one queue.
#[derive(Debug)]
pub struct Worker {
    name: String,
    backend: RedisBackend,
    registry: Registry,
}

impl Worker {
    /// A worker of `queue` for the kinds in `registry`, whose calls to `upstream` are limited. Its name is unique: replica and boot.
    #[must_use]
    pub fn new(
        redis: RedisPool,
        prefix: &str,
        queue: QueueName,
        registry: Registry,
        upstream: Option<Upstream>,
        (jobs, config): (&JobsConfig, &WorkerConfig),
        lifecycle: &Lifecycle,
    ) -> Self {
        let name = format!("{}-{}", config.replica_id, Uuid::now_v7().simple());
        let concurrency = usize::try_from(config.worker_concurrency).unwrap_or(usize::MAX);
        let apalis_config = Config::default()
            .queue(queue.as_str())
            .batch_size(concurrency)
            .heartbeat_interval(config.lease() / RENEWALS_PER_LEASE)
            .missed_heartbeats(RENEWALS_PER_LEASE as usize);
        let options = BackendOptions {
            prefix: prefix.to_owned(),
            replica: config.replica_id.clone(),
            lanes: registry.lanes(),
            concurrency,
            upstream: upstream.map(Arc::new),
            fallback_poll: config.fallback_poll(),
            jobs: jobs.clone(),
            retry: RetryPolicy {
                base: Duration::from_millis(jobs.job_retry_base_ms),
                cap: Duration::from_millis(jobs.job_retry_cap_ms),
            },
            drain: lifecycle.drain().clone(),
            leave: lifecycle.leave().clone(),
        };
        Self { name, backend: RedisBackend::new(redis, apalis_config, options), registry }
    }

    /// Its figures, which go on counting while it runs.
    #[must_use]
    pub fn stats(&self) -> Arc<WorkerStats> {
        self.backend.stats()
    }

    /// Works until draining has been asked for and everything that ran is settled.
    ///
    /// # Errors
    ///
    /// When apalis ends the worker for a reason of its own; a Redis error is none.
    pub async fn run(self, lifecycle: &Lifecycle) -> Result<(), WorkerError> {
        let context = WorkerContext::new(&self.name);
        let (stopper, drain) = (context.clone(), lifecycle.drain().clone());
        lifecycle.tasks().spawn(async move {
            drain.cancelled().await;
            if let Err(error) = stopper.stop() {
                tracing::debug!(%error, "The worker had ended before it was stopped");
            }
        });
        tracing::info!(worker.name = self.name, lanes = ?self.registry.lanes(), "Taking jobs");
        let service = Attempts(Arc::new(self.registry));
        WorkerBuilder::new(context).backend(self.backend).build(service).run().await
    }
}

/// The service at the bottom: finds the handler and makes the attempt.
#[derive(Debug, Clone)]
struct Attempts(Arc<Registry>);

impl Service<Task<Lease>> for Attempts {
    type Response = Box<RawValue>;
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<Box<RawValue>, BoxDynError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Lease>) -> Self::Future {
        let registry = Arc::clone(&self.0);
        Box::pin(async move {
            // Decoding is part of the attempt: should it panic, the attempt fails and nothing else.
            let Lease { context, lane, payload, .. } = task.args;
            let attempt = registry.start(&lane, context, &payload)?;
            drop(payload);
            attempt.await.map_err(|error: JobError| BoxDynError::from(error))
        })
    }
}
