//! The jobs that this process holds, renewed on a task of their own: never behind work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedSemaphorePermit, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::renew::{Lost, renew};
use crate::{
    job::JobId,
    redis::{Keys, RedisPool},
};

/// Most jobs that one renewal names, so that the script stays short.
const RENEW_AT_ONCE: usize = 200;

/// The jobs that this process holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    jobs: Mutex<HashMap<JobId, (u64, CancellationToken)>>,
}

/// A job in hand: its slot, its renewal and the word that it has ended elsewhere. Dropping it frees the slot and ends the renewal.
#[derive(Debug)]
pub(super) struct Hold {
    id: JobId,
    fence: u64,
    ended: CancellationToken,
    held: Arc<Held>,
    _slot: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn hold(self: &Arc<Self>, id: JobId, fence: u64, slot: OwnedSemaphorePermit) -> Hold {
        let ended = CancellationToken::new();
        self.lock().insert(id, (fence, ended.clone()));
        Hold { id, fence, ended, held: Arc::clone(self), _slot: slot }
    }

    /// How many jobs there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn snapshot(&self) -> Vec<(JobId, u64)> {
        self.lock().iter().map(|(id, (fence, _))| (*id, *fence)).collect()
    }

    /// A job that has ended elsewhere ends here; one that someone else has is not renewed any more, and its attempt goes on: what
    /// it is about to bring is paid for.
    fn lose(&self, id: JobId, fence: u64, why: Lost) {
        let mut jobs = self.lock();
        if let Some((_, ended)) = jobs.get(&id).filter(|(held, _)| *held == fence) {
            if why == Lost::Ended {
                ended.cancel();
            }
            jobs.remove(&id);
        }
    }

    /// Someone has ended the job.
    pub(super) fn revoke(&self, id: JobId) {
        if let Some((_, ended)) = self.lock().get(&id) {
            ended.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, (u64, CancellationToken)>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Resolves when the job has ended elsewhere.
    pub(super) const fn ended(&self) -> &CancellationToken {
        &self.ended
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut jobs = self.held.lock();
        // Under a newer fence the entry is that of a later attempt in this same process.
        if jobs.get(&self.id).is_some_and(|(fence, _)| *fence == self.fence) {
            jobs.remove(&self.id);
        }
    }
}

/// Renews until `stop`, every `interval`; `group` names what limits the jobs' calls, if anything does.
pub(super) async fn renew_leases(
    redis: RedisPool,
    keys: Arc<Keys>,
    (queue, group): (Arc<str>, String),
    held: Arc<Held>,
    (lease, interval): (Duration, Duration),
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        for jobs in held.snapshot().chunks(RENEW_AT_ONCE) {
            match renew(&redis, &keys, (&queue, &group), lease, jobs).await {
                Ok(lost) => {
                    for (id, why) in lost {
                        if let Some((_, fence)) = jobs.iter().find(|(held, _)| *held == id) {
                            held.lose(id, *fence, why);
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        jobs = jobs.len(),
                        "Leases could not be renewed"
                    );
                }
            }
        }
    }
}
