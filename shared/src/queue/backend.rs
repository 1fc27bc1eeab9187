//! The apalis backend.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use apalis_redis::Config;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Lease, WorkerStats,
    announcer::Announcer,
    fetcher::Fetcher,
    idle::Idle,
    ready::Ready,
    renewer::{Held, renew_leases},
    revocations::hear_revocations,
    settle::Retention,
    settle_layer::{SettleLayer, Settler},
    take::{Standing, TakeSettings},
};
use crate::{
    config::JobsConfig,
    job::{Lane, RetryPolicy},
    limiter::Upstream,
    redis::{Keys, RedisPool},
    workers::Card,
};

/// Most jobs that one take may bring: more would keep Redis busy for too long at a time.
const BATCH_MAX: usize = 64;

/// What the backend needs to know beyond apalis-redis's [`Config`].
#[derive(Debug, Clone)]
pub struct BackendOptions {
    /// `QUEUE_PREFIX`.
    pub prefix: String,
    /// Names this replica.
    pub replica: String,
    /// The kinds and payload versions that this worker knows; jobs of others keep waiting.
    pub lanes: Vec<Lane>,
    /// Jobs that run at once.
    pub concurrency: usize,
    /// What limits the jobs' calls, if anything.
    pub upstream: Option<Arc<Upstream>>,
    /// How long a lost wake-up may go unnoticed.
    pub fallback_poll: Duration,
    /// How long what has ended is kept, and how large it may be.
    pub jobs: JobsConfig,
    /// When failed attempts are made again.
    pub retry: RetryPolicy,
    /// Once cancelled, nothing more is taken.
    pub drain: CancellationToken,
    /// Once cancelled, what still runs is ended and given back.
    pub leave: CancellationToken,
}

/// Our queue where apalis expects a backend. It stands where apalis-redis's `RedisStorage` stands and takes the same
/// [`Config`]: `queue`, `batch_size`, and a lease of `heartbeat_interval` × `missed_heartbeats`, renewed at every heartbeat.
///
/// It never ends on a Redis error. Fetching and renewing are tasks of their own, since apalis stops polling a backend
/// while its service is busy or paused.
#[derive(Debug)]
pub struct RedisBackend {
    redis: RedisPool,
    config: Config,
    options: BackendOptions,
    stats: Arc<WorkerStats>,
    tasks: TaskTracker,
    ready: Arc<Ready>,
    /// Stops the fetcher: cancelled by `drain` and by close.
    stop_fetching: CancellationToken,
    stop_renewing: CancellationToken,
    started: bool,
    closing: Option<Closing>,
}

/// The future that `poll_close` drives.
struct Closing(Pin<Box<dyn Future<Output = ()> + Send>>);

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closing")
    }
}

impl RedisBackend {
    /// A backend that starts fetching when a worker first polls it.
    #[must_use]
    pub fn new(redis: RedisPool, config: Config, options: BackendOptions) -> Self {
        Self {
            redis,
            config,
            stats: Arc::new(WorkerStats::new(options.upstream.as_ref().map(|upstream| upstream.group.provider()))),
            tasks: TaskTracker::new(),
            ready: Arc::default(),
            stop_fetching: options.drain.child_token(),
            stop_renewing: CancellationToken::new(),
            started: false,
            closing: None,
            options,
        }
    }

    /// The figures of the worker that this backend serves.
    #[must_use]
    pub fn stats(&self) -> Arc<WorkerStats> {
        Arc::clone(&self.stats)
    }

    fn start(&mut self, worker: &WorkerContext) {
        let keys = Arc::new(Keys::new(&self.options.prefix));
        let queue: Arc<str> = Arc::from(self.config.queue.as_ref() as &str);
        let held = Arc::new(Held::default());
        let lease = self.config.orphaned_duration();
        let markers = self.options.lanes.iter().map(|lane| keys.wake(&queue, lane)).collect();
        let settings = TakeSettings {
            queue: queue.as_ref().to_owned(),
            worker: worker.name().to_owned(),
            lease,
            dead_ttl: self.options.jobs.dead_ttl(),
            completed_ttl: self.options.jobs.completed_ttl(),
            max_crashes: self.options.jobs.job_max_crashes,
            standing: Standing { holding: 0, finished: false, lived: Duration::ZERO },
            lanes: self.options.lanes.iter().map(|lane| lane.as_str().to_owned()).collect(),
            upstream: self.options.upstream.clone(),
        };
        self.stats.has_slots(self.options.concurrency);
        let card = Card {
            queue: queue.as_ref().to_owned(),
            replica: self.options.replica.clone(),
            since: Instant::now(),
            slots: self.options.concurrency,
            model: self.options.upstream.as_deref().and_then(Upstream::paid_model),
        };
        let announcer = Arc::new(Announcer::new(
            self.redis.clone(),
            Arc::clone(&keys),
            worker.name().to_owned(),
            self.options.upstream.clone(),
            (card, Arc::clone(&self.stats)),
        ));
        let fetcher = Fetcher {
            redis: self.redis.clone(),
            keys: Arc::clone(&keys),
            settings,
            queue: Arc::clone(&queue),
            slots: Arc::new(Semaphore::new(self.options.concurrency)),
            retention: Retention::from(&self.options.jobs),
            batch: self.config.batch_size.min(self.options.concurrency).clamp(1, BATCH_MAX),
            fallback_poll: self.options.fallback_poll,
            held: Arc::clone(&held),
            ready: Arc::clone(&self.ready),
            idle: Idle::new(self.redis.clone(), markers),
            announcer: Arc::clone(&announcer),
            stats: Arc::clone(&self.stats),
            since: Instant::now(),
            limited_since: None,
            withheld: None,
            stop: self.stop_fetching.clone(),
        };
        let times = (lease, self.config.heartbeat_interval);
        let hearing = hear_revocations(
            self.redis.clone(),
            Arc::clone(&keys),
            Arc::clone(&queue),
            Arc::clone(&held),
            self.stop_renewing.clone(),
        );
        let group =
            self.options.upstream.as_ref().map(|upstream| upstream.group.as_str().to_owned()).unwrap_or_default();
        let renewing = renew_leases(self.redis.clone(), keys, (queue, group), held, times, self.stop_renewing.clone());
        self.tasks.spawn(hearing);
        self.tasks.spawn(fetcher.run());
        self.tasks.spawn(renewing);
        self.tasks.spawn(announcer.run(self.stop_fetching.clone()));
        self.started = true;
    }
}

impl Drop for RedisBackend {
    /// A backend that was dropped without being closed takes and renews no more, as if its process had died.
    fn drop(&mut self) {
        self.stop_fetching.cancel();
        self.stop_renewing.cancel();
    }
}

impl Backend for RedisBackend {
    type Task = Task<Lease>;
    type Error = Infallible;

    fn poll_ready(&mut self, _cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if !self.started {
            self.start(worker);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.ready.poll_next(cx).map(|lease| {
            // Two attempts at one job can meet in one worker, so the fence is part of the task's id.
            let id = TaskId::from_string(format!("{}:{}", lease.context.id, lease.context.fence));
            Some(Ok(TaskBuilder::new(lease).task_id(id).build()))
        })
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        let closing = self.closing.get_or_insert_with(|| {
            self.stop_fetching.cancel();
            self.stop_renewing.cancel();
            self.tasks.close();
            let tasks = self.tasks.clone();
            Closing(Box::pin(async move { tasks.wait().await }))
        });
        closing.0.as_mut().poll(cx).map(Ok)
    }
}

impl BackendConfig for RedisBackend {
    type Args = Lease;
    type Id = String;
    type Kind = Ephemeral;
    type Config = Config;
    type Layer = SettleLayer;

    fn config(&self) -> &Config {
        &self.config
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> SettleLayer {
        SettleLayer(Arc::new(Settler {
            retention: Retention::from(&self.options.jobs),
            policy: self.options.retry,
            stats: Arc::clone(&self.stats),
            tasks: self.tasks.clone(),
            leave: self.options.leave.clone(),
        }))
    }
}
