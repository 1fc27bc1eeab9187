//! A worker in this process, whose handler does what its jobs say.

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};

use super::fixture::{Echo, Fixture, jobs_config, raw};
use crate::{
    config::WorkerConfig,
    job::{JobError, JobId, JobView, QueueName},
    lifecycle::Lifecycle,
    limiter::Upstream,
    queue::{Handler, JobContext, JobEvents, Registry, Worker, WorkerStats},
};

/// Long enough for everything that should happen, and never reached when it does.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Does what the job says; tells when an attempt starts and lets "hold" wait for a permit.
struct Puppet {
    started: mpsc::UnboundedSender<JobId>,
    called: mpsc::UnboundedSender<JobId>,
    gate: Arc<Semaphore>,
}

impl Handler for Puppet {
    type Payload = Echo;

    async fn run(&self, job: JobContext, payload: Echo) -> Result<Box<RawValue>, JobError> {
        self.started.send(job.id()).expect("the test listens");
        match payload.say.as_str() {
            "panic" => panic!("a learner's text"),
            "fail" => Err(JobError::retry("on_purpose", "It failed on purpose")),
            "hold" => {
                self.gate.acquire().await.expect("the gate stays").forget();
                Ok(raw("held"))
            }
            "call and hold" => {
                job.call(10).begin().await?;
                self.called.send(job.id()).expect("the test listens");
                self.gate.acquire().await.expect("the gate stays").forget();
                Ok(raw("held"))
            }
            "record" => {
                let part = job.checkpoints().await?.remove("part").unwrap_or_else(|| "new".to_owned());
                job.checkpoint("part", &part, 50).await?;
                Ok(raw("recorded"))
            }
            say => Ok(raw(say)),
        }
    }
}

/// A worker in this process.
pub(super) struct Running {
    pub(super) lifecycle: Lifecycle,
    pub(super) events: JobEvents,
    pub(super) started: mpsc::UnboundedReceiver<JobId>,
    pub(super) called: mpsc::UnboundedReceiver<JobId>,
    pub(super) gate: Arc<Semaphore>,
    pub(super) stats: Arc<WorkerStats>,
    pub(super) ended: tokio::task::JoinHandle<()>,
}

pub(super) fn worker_config() -> WorkerConfig {
    WorkerConfig {
        worker_concurrency: 16,
        lease_seconds: 30,
        drain_seconds: 100,
        replica_id: "test".to_owned(),
        // A worker that polled would not start a job before the tests' patience is over.
        fallback_poll_ms: 60_000,
    }
}

impl Running {
    pub(super) fn start(f: &Fixture, config: &WorkerConfig) -> Self {
        Self::with_upstream(f, config, None)
    }

    /// A worker whose calls are limited.
    pub(super) fn with_upstream(f: &Fixture, config: &WorkerConfig, upstream: Option<Upstream>) -> Self {
        let lifecycle = Lifecycle::new();
        let (starting, started) = mpsc::unbounded_channel();
        let (calling, called) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let registry = Registry::new().with(Puppet { started: starting, called: calling, gate: Arc::clone(&gate) });
        let pool = f.redis.pool();
        let worker = Worker::new(pool, "test", QueueName::Ai, registry, upstream, (&jobs_config(), config), &lifecycle);
        let stats = worker.stats();
        let events = JobEvents::start(f.queue.clone(), &lifecycle);
        let running = lifecycle.clone();
        #[expect(clippy::disallowed_methods, reason = "the test joins it")]
        let ended = tokio::spawn(async move { worker.run(&running).await.unwrap() });
        Self { lifecycle, events, started, called, gate, stats, ended }
    }

    pub(super) async fn end_of(&self, id: JobId) -> JobView {
        let view = self.events.wait(id, PATIENCE).await.unwrap().expect("the job is known");
        assert!(view.state.is_final(), "{view:?}");
        view
    }

    pub(super) async fn next_start(&mut self) -> JobId {
        tokio::time::timeout(PATIENCE, self.started.recv()).await.expect("an attempt starts").unwrap()
    }

    pub(super) async fn stop(self) {
        self.lifecycle.drain().cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("the worker ends").unwrap();
        self.lifecycle.finish().await;
    }
}

/// Resolves when as many clients as `count` are blocked in Redis: idle workers are.
pub(super) async fn until_idle(f: &Fixture, count: u32) {
    loop {
        let info: String = f.raw(&["INFO", "clients"]).await;
        if info.contains(&format!("blocked_clients:{count}\r\n")) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
