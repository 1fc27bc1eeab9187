//! The task that takes jobs: as many as there are free slots, and only then.

use std::{sync::Arc, time::Duration};

use rand::Rng;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    JobContext, Lease, WorkerStats,
    announcer::Announcer,
    idle::Idle,
    outcome::{Outcome, Unfinished},
    ready::Ready,
    renewer::Held,
    settle::{Retention, settle},
    stats::Taking,
    take::{Standing, TakeReply, TakeSettings, Taken, TakenJob, Wait, take},
};
use crate::limiter::WithheldReason;
use crate::redis::{Keys, RedisPool, UnavailableError, millis};

/// Pauses between attempts to reach a Redis that is away.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// An idle worker looks at least this often while a lease lasts, and half as often while no permit is to be had.
const LOOKS_PER_LEASE: u32 = 6;

/// Takes jobs for one worker until it is stopped.
pub(super) struct Fetcher {
    pub(super) redis: RedisPool,
    pub(super) keys: Arc<Keys>,
    pub(super) settings: TakeSettings,
    pub(super) queue: Arc<str>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) retention: Retention,
    pub(super) batch: usize,
    pub(super) fallback_poll: Duration,
    pub(super) held: Arc<Held>,
    pub(super) ready: Arc<Ready>,
    pub(super) idle: Idle,
    pub(super) announcer: Arc<Announcer>,
    pub(super) stats: Arc<WorkerStats>,
    /// When this worker began.
    pub(super) since: Instant,
    /// Since when jobs wait that no limit lets go, while slots are free.
    pub(super) limited_since: Option<Instant>,
    /// Why no permit is given, as the log was told last.
    pub(super) withheld: Option<WithheldReason>,
    pub(super) stop: CancellationToken,
}

impl Fetcher {
    /// Fetches until it is stopped, then gives back what was not begun. A take is never given up half-way: its answer may
    /// hold jobs.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        while let Some(slots) = stop.run_until_cancelled(self.free_slots()).await {
            if stop.is_cancelled() {
                break;
            }
            let holds = self.announcer.holds();
            let taken = self.take_surely(slots.len(), holds).await;
            self.count(&taken);
            if holds {
                drop(slots);
                let released = tokio::time::timeout(self.patience(), self.announcer.until_released());
                let _ = stop.run_until_cancelled(released).await;
                continue;
            }
            let wait = match taken {
                Taken::Jobs(jobs, wait) => {
                    self.hand_over(jobs, slots);
                    wait
                }
                Taken::Wait(wait) => {
                    drop(slots);
                    Some(wait)
                }
            };
            if let Some(wait) = wait {
                stop.run_until_cancelled(self.pause(wait)).await;
            }
        }
        self.idle.give_back_markers().await;
        self.give_back_jobs().await;
    }

    fn count(&mut self, taken: &Taken) {
        let (jobs, wait) = match taken {
            Taken::Jobs(_, wait) => (true, *wait),
            Taken::Wait(wait) => (false, Some(*wait)),
        };
        let limited = matches!(wait, Some(Wait::Woken | Wait::Booked(_) | Wait::Breaker));
        self.stats.took(match wait {
            _ if jobs => Taking::Jobs,
            Some(Wait::Unannounced) => Taking::Unannounced,
            Some(Wait::Unproven(_)) => Taking::Unproven,
            _ if limited => Taking::NoPermit,
            _ => Taking::Empty,
        });
        if jobs && let Some(since) = self.limited_since.take() {
            self.stats.waited_for_permit(since.elapsed());
        }
        self.limited_since = limited.then(|| self.limited_since.unwrap_or_else(Instant::now));
    }

    async fn pause(&mut self, wait: Wait) {
        let patience = self.patience();
        match wait {
            Wait::Idle(after) => self.idle.wait(after.map_or(patience, |after| after.min(patience))).await,
            Wait::Breaker => self.idle.wait(patience).await,
            // A process of a waiting fleet sends about one command a second.
            Wait::Woken => self.idle.wait(patience * 2).await,
            // A timer of our own: those of blocked commands are up to 100 ms late.
            Wait::Booked(after) => tokio::time::sleep(after.min(patience)).await,
            // The end of its first job lets this worker have more.
            Wait::Unproven(after) => {
                self.stats.proven().run_until_cancelled(tokio::time::sleep(after.min(patience))).await;
            }
            Wait::Unannounced => {
                if !self.announcer.announce().await {
                    tokio::time::sleep(patience).await;
                }
            }
        }
    }

    fn hand_over(&self, jobs: Vec<TakenJob>, slots: Vec<OwnedSemaphorePermit>) {
        let leases: Vec<Lease> = jobs.into_iter().zip(slots).map(|(job, slot)| self.lease(job, slot)).collect();
        self.ready.push(leases);
    }

    /// Waits for one free slot and takes what else is free, up to a batch.
    async fn free_slots(&self) -> Vec<OwnedSemaphorePermit> {
        let mut slots = Vec::with_capacity(self.batch);
        if let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await {
            slots.push(slot);
        }
        while slots.len() < self.batch {
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { break };
            slots.push(slot);
        }
        slots
    }

    /// Asks until there is an answer or the worker stops, always under the same request id: an answer that was lost is given again.
    /// A worker that `holds` all jobs names no lane: it only does what time brings about.
    async fn take_surely(&mut self, want: usize, holds: bool) -> Taken {
        self.settings.standing =
            Standing { holding: self.held.count(), finished: self.stats.processed() > 0, lived: self.since.elapsed() };
        let bare = holds.then(|| TakeSettings { lanes: Vec::new(), upstream: None, ..self.settings.clone() });
        let settings = bare.as_ref().unwrap_or(&self.settings);
        let request = Uuid::now_v7().simple().to_string();
        let mut pause = PAUSE_FIRST;
        let mut failure: Option<UnavailableError> = None;
        loop {
            match take(&self.redis, &self.keys, settings, &request, want).await {
                Ok(TakeReply { taken, lost, withheld }) => {
                    if failure.is_some() {
                        tracing::info!("Redis is back: jobs are taken again");
                    }
                    if lost > 0 {
                        tracing::warn!(
                            queue = %self.queue,
                            jobs = lost,
                            "A worker was lost: its jobs run again, few at a time, in workers that have proven themselves"
                        );
                    }
                    self.heed_withheld(withheld, &taken).await;
                    return taken;
                }
                Err(error) => {
                    if failure.is_none() {
                        tracing::warn!(error = &error as &dyn std::error::Error, "Redis is away: no jobs are taken");
                    }
                    failure = Some(error);
                }
            }
            let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.0));
            if self.stop.run_until_cancelled(tokio::time::sleep(jittered)).await.is_none() {
                return Taken::Wait(Wait::Idle(None));
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Tells once that no permit is given and why, and a new Redis at once when this worker's last call was.
    async fn heed_withheld(&mut self, withheld: Option<(WithheldReason, Option<Duration>)>, taken: &Taken) {
        let Some((reason, wait)) = withheld else {
            if matches!(taken, Taken::Jobs(..)) {
                self.withheld = None;
            }
            return;
        };
        if self.withheld.replace(reason) == Some(reason) {
            return;
        }
        let wait_ms = wait.map(millis);
        match reason {
            WithheldReason::NewRedis => {
                tracing::warn!(
                    reason = reason.as_str(),
                    wait_ms,
                    "This Redis is new, or has lost everything: permits are given when the workers that live have said when their \
                     last call was, or after a window (OPENAI_NEW_REDIS)"
                );
                self.announcer.announce().await;
            }
            WithheldReason::RedisRecovery => tracing::warn!(
                reason = reason.as_str(),
                wait_ms,
                "Redis was restarted, another one has taken its place, or its clock has stepped: no permit is given for one window"
            ),
        }
    }

    /// The fallback poll with jitter, so that a fleet does not ask in step. Never below the configured time: an idle worker
    /// asks at most once in it, unless leases are so short that nobody would look after them for half of one, which is an outage.
    fn patience(&self) -> Duration {
        let longest = (self.settings.lease / LOOKS_PER_LEASE).mul_f64(rand::rng().random_range(0.8..1.0));
        self.fallback_poll.mul_f64(rand::rng().random_range(1.0..1.2)).min(longest)
    }

    fn lease(&self, job: TakenJob, slot: OwnedSemaphorePermit) -> Lease {
        if job.attempt == 1 && !job.resumed {
            self.stats.first_start(job.id);
        }
        let context = JobContext {
            redis: self.redis.clone(),
            keys: Arc::clone(&self.keys),
            queue: Arc::clone(&self.queue),
            lane: Arc::from(job.lane.as_str()),
            id: job.id,
            fence: job.fence,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            resumed: job.resumed,
            upstream: self.settings.upstream.clone(),
            stats: Arc::clone(&self.stats),
            calls: Arc::default(),
        };
        let hold = Some(self.held.hold(job.id, job.fence, slot));
        Lease { context, lane: job.lane, payload: job.payload, hold }
    }

    /// Lets others have at once what was taken and not begun.
    async fn give_back_jobs(&self) {
        for lease in self.ready.drain() {
            let returned = Outcome::Unfinished(Unfinished::returned());
            if let Err(error) = settle(&lease.context, &returned, self.retention).await {
                tracing::warn!(job.id = %lease.context.id, error = &error as &dyn std::error::Error, "A job could not be given back: its lease will lapse");
            }
        }
    }
}
