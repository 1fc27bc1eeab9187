//! What becomes of jobs whose worker was lost, once more in plain Rust.

use std::collections::BTreeMap;

use crate::job::JobId;

/// Suspects of one loss that a worker may have at once.
const ONCE_MAX: usize = 4;
/// As many of the oldest are looked at in a take.
const LOOK_MAX: usize = 5;
const CRASHES_MAX: u32 = 3;

#[derive(Debug, Clone, Default)]
struct Suspect {
    losses: u32,
    crashes: u32,
    since: i64,
}

/// A suspect that a worker was given.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: JobId,
    fence: u64,
    /// It was lost more than once.
    again: bool,
}

/// Every job whose worker was lost with it, and what workers were given of these.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspects {
    jobs: BTreeMap<JobId, Suspect>,
    held: BTreeMap<String, Vec<Held>>,
    /// How many a worker had when it was first seen to be lost.
    at_loss: BTreeMap<String, usize>,
    /// Crashes that counted, and jobs that were given out as suspects.
    pub(super) counted: usize,
    pub(super) given: usize,
}

impl Suspects {
    pub(super) fn contains(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id)
    }

    /// The worker was lost with the job. `runs`: whether this worker has that job under that fence. Whether the job is a dead
    /// letter now.
    pub(super) fn lose(&mut self, worker: &str, id: JobId, now: i64, runs: impl Fn(JobId, u64) -> bool) -> bool {
        let held = self.held.get(worker).is_some_and(|held| held.iter().any(|held| held.id == id));
        let counts = held && self.contains(id) && {
            let there = || self.held[worker].iter().filter(|held| runs(held.id, held.fence)).count();
            let at_loss = self.at_loss.get(worker).copied().unwrap_or_else(there);
            self.at_loss.insert(worker.to_owned(), at_loss);
            at_loss == 1
        };
        let suspect = self.jobs.entry(id).or_default();
        suspect.losses += 1;
        suspect.crashes += u32::from(counts);
        suspect.since = now;
        self.counted += usize::from(counts);
        suspect.crashes >= CRASHES_MAX
    }

    /// The suspects among those that wait that the worker may have, in order.
    pub(super) fn next(&self, worker: &str, waiting: &[JobId], runs: impl Fn(JobId, u64) -> bool) -> Vec<JobId> {
        let mut line: Vec<_> = waiting.iter().filter_map(|id| Some((self.jobs.get(id)?.since, *id))).collect();
        line.sort_unstable();
        let held = || self.held.get(worker).into_iter().flatten().filter(|held| runs(held.id, held.fence));
        let again = |id: &JobId| self.jobs[id].losses > 1;
        let (mut once, mut alone) = (held().filter(|held| !held.again).count(), held().any(|held| held.again));
        let mut next = Vec::new();
        for (_, id) in line.into_iter().take(LOOK_MAX) {
            if alone || (again(&id) && once > 0) || (!again(&id) && once >= ONCE_MAX) {
                break;
            }
            alone = again(&id);
            once += usize::from(!alone);
            next.push(id);
        }
        next
    }

    /// The worker has got the suspect.
    pub(super) fn give(&mut self, worker: &str, id: JobId, fence: u64) {
        let again = self.jobs[&id].losses > 1;
        let held = self.held.entry(worker.to_owned()).or_default();
        held.retain(|other| other.id != id);
        held.push(Held { id, fence, again });
        self.at_loss.remove(worker);
        self.given += 1;
    }

    /// Nothing is held against the job any more.
    pub(super) fn forget(&mut self, id: JobId) {
        self.jobs.remove(&id);
    }
}
