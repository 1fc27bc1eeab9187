//! The jobs that this process holds, renewed on a task of their own: never behind work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedSemaphorePermit, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::renew::renew;
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

/// A job in hand: its slot, its renewal and the word that it is lost. Dropping it frees the slot and ends the renewal.
#[derive(Debug)]
pub(super) struct Hold {
    id: JobId,
    fence: u64,
    lost: CancellationToken,
    held: Arc<Held>,
    _slot: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn hold(self: &Arc<Self>, id: JobId, fence: u64, slot: OwnedSemaphorePermit) -> Hold {
        let lost = CancellationToken::new();
        self.lock().insert(id, (fence, lost.clone()));
        Hold { id, fence, lost, held: Arc::clone(self), _slot: slot }
    }

    fn snapshot(&self) -> Vec<(JobId, u64)> {
        self.lock().iter().map(|(id, (fence, _))| (*id, *fence)).collect()
    }

    fn lose(&self, id: JobId, fence: u64) {
        if let Some((_, lost)) = self.lock().get(&id).filter(|(held, _)| *held == fence) {
            lost.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, (u64, CancellationToken)>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Resolves when the job is someone else's or has ended.
    pub(super) const fn lost(&self) -> &CancellationToken {
        &self.lost
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

/// Renews until `stop`, every `interval`.
pub(super) async fn renew_leases(
    redis: RedisPool,
    keys: Arc<Keys>,
    queue: Arc<str>,
    held: Arc<Held>,
    (lease, interval): (Duration, Duration),
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        for jobs in held.snapshot().chunks(RENEW_AT_ONCE) {
            match renew(&redis, &keys, &queue, lease, jobs).await {
                Ok(lost) => {
                    for (id, fence) in jobs.iter().filter(|(id, _)| lost.contains(id)) {
                        held.lose(*id, *fence);
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
