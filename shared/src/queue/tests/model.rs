//! What the scripts do, once more in plain Rust. Slow, obvious, and right: what the scripts are held against.

use std::collections::{BTreeMap, BTreeSet};

use super::suspects_model::Suspects;
use crate::{
    job::{JobId, JobState},
    users::Counts,
};

/// Who takes all jobs.
const WORKER: &str = "by-hand";

/// A job as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelJob {
    pub(super) state: JobState,
    pub(super) attempts: u32,
    pub(super) fence: u64,
    pub(super) progress: u8,
    listed: bool,
    settled: u64,
    max: u32,
    /// Its place in line.
    rank: u64,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Retry { at_once: bool },
    Snooze { at_once: bool },
    Fail,
    Cancel,
}

/// The queue as the model knows it. Ids sort by the time of acceptance.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<JobId, ModelJob>,
    /// Whether the user may ask for nothing, and how often that was refused.
    pub(super) suspended: bool,
    pub(super) refused: u64,
    /// Listed jobs that were removed as dead letters: they still count.
    purged: u64,
    max_attempts: u32,
    ranks: u64,
    suspects: Suspects,
    /// The time by the test's clock.
    pub(super) now: i64,
    due: BTreeSet<JobId>,
    lapsed: BTreeSet<JobId>,
    overdue: BTreeSet<JobId>,
}

impl Model {
    pub(super) fn new(max_attempts: u32) -> Self {
        Self { max_attempts, ..Self::default() }
    }

    pub(super) fn enqueue(&mut self, id: JobId, delayed: bool, listed: bool) {
        let state = if delayed { JobState::Scheduled } else { JobState::Waiting };
        let (max, rank) = (self.max_attempts, self.next_rank());
        self.jobs.insert(id, ModelJob { state, attempts: 0, fence: 0, progress: 0, listed, settled: 0, max, rank });
    }

    pub(super) fn cancel(&mut self, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.state.is_final()) else { return false };
        job.state = JobState::Cancelled;
        self.lapsed.remove(&id);
        self.due.remove(&id);
        true
    }

    /// Puts a dead letter back; whether it was one that may be.
    pub(super) fn requeue(&mut self, id: JobId, reset_attempts: bool) -> bool {
        let rank = self.ranks;
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state == JobState::Failed && !self.suspended) else {
            return false;
        };
        job.state = JobState::Waiting;
        job.rank = rank;
        if reset_attempts {
            job.attempts = 0;
        }
        job.max = job.max.max(job.attempts + 1);
        self.suspects.forget(id);
        self.next_rank();
        for passed in [&mut self.due, &mut self.lapsed, &mut self.overdue] {
            passed.remove(&id);
        }
        true
    }

    /// Removes a dead letter for good; whether it was one.
    pub(super) fn purge(&mut self, id: JobId) -> bool {
        if self.jobs.get(&id).is_none_or(|job| job.state != JobState::Failed) {
            return false;
        }
        let purged = self.jobs.remove(&id);
        self.purged += u64::from(purged.is_some_and(|job| job.listed));
        true
    }

    fn next_rank(&mut self) -> u64 {
        self.ranks += 1;
        self.ranks - 1
    }

    /// Nothing is left of the user, whose jobs all of these are. How many there were.
    pub(super) fn erase(&mut self) -> u64 {
        let jobs = self.jobs.len() as u64;
        *self = Self {
            suspended: self.suspended,
            max_attempts: self.max_attempts,
            ranks: self.ranks,
            now: self.now,
            suspects: std::mem::take(&mut self.suspects),
            ..Self::default()
        };
        jobs
    }

    /// What is counted of the user.
    pub(super) fn counts(&self) -> Counts {
        let listed = || self.jobs.values().filter(|job| job.listed);
        let in_state = |state| listed().filter(|job| job.state == state).count() as u64;
        Counts {
            accepted: listed().count() as u64 + self.purged,
            completed: in_state(JobState::Completed),
            failed: in_state(JobState::Failed) + self.purged,
            cancelled: in_state(JobState::Cancelled),
            refused: self.refused,
            limited: 0,
        }
    }

    /// Time passes for one job: what it brings about is seen by the next take.
    pub(super) fn let_due(&mut self, id: JobId) {
        self.due.insert(id);
    }

    pub(super) fn let_lapse(&mut self, id: JobId) {
        self.lapsed.insert(id);
    }

    pub(super) fn let_pass_deadline(&mut self, id: JobId) {
        self.overdue.insert(id);
    }

    /// Crashes that counted, and suspects that were given out.
    pub(super) const fn suspected(&self) -> (usize, usize) {
        (self.suspects.counted, self.suspects.given)
    }

    /// Whether the job's worker was lost with it.
    pub(super) fn is_suspect(&self, id: JobId) -> bool {
        self.suspects.contains(id)
    }

    pub(super) fn in_state(&self, state: JobState) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, job)| job.state == state).map(|(id, _)| *id).collect()
    }

    /// The jobs that a take of `want` brings, with fence and attempt.
    pub(super) fn take(&mut self, want: usize) -> Vec<(JobId, u64, u32)> {
        for id in std::mem::take(&mut self.due) {
            self.move_from(id, JobState::Scheduled, JobState::Waiting);
        }
        for id in std::mem::take(&mut self.lapsed) {
            if self.jobs[&id].state != JobState::Active {
                continue;
            }
            let (jobs, now) = (&self.jobs, self.now);
            let dead = self.suspects.lose(WORKER, id, now, |id, fence| runs(jobs, id, fence));
            self.move_from(id, JobState::Active, if dead { JobState::Failed } else { JobState::Waiting });
            if let Some(job) = self.jobs.get_mut(&id).filter(|_| !dead) {
                job.attempts -= 1;
            }
        }
        for id in std::mem::take(&mut self.overdue) {
            for state in [JobState::Scheduled, JobState::Waiting, JobState::Active] {
                self.move_from(id, state, JobState::Failed);
            }
        }
        let waiting = self.in_state(JobState::Waiting);
        let mut line: Vec<JobId> = waiting.iter().copied().filter(|id| !self.suspects.contains(*id)).collect();
        line.sort_by_key(|id| self.jobs[id].rank);
        let mut next = self.suspects.next(WORKER, &waiting, |id, fence| runs(&self.jobs, id, fence));
        next.extend(line);
        let mut taken = Vec::new();
        for id in next.into_iter().take(want) {
            if self.suspects.contains(id) {
                self.suspects.give(WORKER, id, self.jobs[&id].fence + 1);
            }
            let job = self.jobs.get_mut(&id).expect("it waits");
            job.state = JobState::Active;
            job.attempts += 1;
            job.fence += 1;
            taken.push((id, job.fence, job.attempts));
        }
        taken
    }

    /// Whether the job is held under this fence.
    pub(super) fn holds(&self, id: JobId, fence: u64) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.state == JobState::Active && job.fence == fence)
    }

    /// A renewal is the end of a lapse that no take has seen.
    pub(super) fn renew(&mut self, id: JobId, fence: u64) -> bool {
        let held = self.holds(id, fence);
        if held {
            self.lapsed.remove(&id);
        }
        held
    }

    /// Whoever has done a piece of the work may record it, as long as the job has not ended.
    pub(super) fn checkpoint(&mut self, id: JobId, progress: u8) -> bool {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.state.is_final()) else { return false };
        job.progress = job.progress.max(progress);
        true
    }

    /// Whether the settle was done, now or before.
    pub(super) fn settle(&mut self, id: JobId, fence: u64, end: End) -> bool {
        let held = self.holds(id, fence);
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if job.settled == fence {
            return true;
        }
        // A result is welcome from an old holder, too.
        if !held && (end != End::Complete || job.state.is_final()) {
            return false;
        }
        job.settled = fence;
        self.lapsed.remove(&id);
        self.due.remove(&id);
        let again = |at_once: bool| if at_once { JobState::Waiting } else { JobState::Scheduled };
        job.state = match end {
            End::Complete => JobState::Completed,
            End::Cancel => JobState::Cancelled,
            End::Fail => JobState::Failed,
            End::Retry { .. } if job.attempts >= job.max => JobState::Failed,
            End::Retry { at_once } => again(at_once),
            End::Snooze { at_once } => {
                job.attempts -= 1;
                again(at_once)
            }
        };
        if job.state == JobState::Completed {
            job.progress = 100;
        }
        true
    }

    fn move_from(&mut self, id: JobId, from: JobState, to: JobState) {
        if let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state == from) {
            job.state = to;
        }
    }
}

fn runs(jobs: &BTreeMap<JobId, ModelJob>, id: JobId, fence: u64) -> bool {
    jobs.get(&id).is_some_and(|job| job.state == JobState::Active && job.fence == fence)
}
