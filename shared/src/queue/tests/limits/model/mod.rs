//! What the limiter and the breaker do, once more in plain Rust: slow, obvious, and right.

mod blame;
mod breaker;
mod end;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::blame::Marks;
use self::{
    blame::{Blame, Learned},
    breaker::{Breaker, Doubt, Whose},
};
use crate::{
    job::JobId,
    queue::tests::{outage_model::LookedAfter, suspects_model::Suspects},
};

/// Times and limits of the model, in ms and calls.
pub(super) const WINDOW: i64 = 60_000;
pub(super) const GUARD: i64 = 100;
pub(super) const SPAN: i64 = WINDOW + GUARD;
pub(super) const LEASE: i64 = 30_000;
const COLD: (usize, i64) = (10, 500);
const TRIAL: i64 = 2_000;
/// Refusals that turned out to be a job's own, after which it is a dead letter.
pub(super) const ATTEMPTS_MAX: u32 = 3;

/// The limits of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) rpm: usize,
    pub(super) tpm: i64,
    pub(super) concurrency: usize,
}

/// A permit in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permit {
    pub(super) at: i64,
    pub(super) tokens: i64,
}

/// How a call ends in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Ok,
    Rejected,
    Limited { after: Option<i64>, plain: bool },
    Own,
    Doubted,
    Paused(i64),
    Failed,
    Blocked,
    Unsent,
}

/// A job that is waiting or active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) user: &'static str,
    /// Its place in line, as it was given.
    pub(super) rank: i64,
    pub(super) attempts: u32,
    /// Who has it, or had it last.
    pub(super) worker: &'static str,
    pub(super) fence: u64,
    pub(super) need: i64,
    /// The end of its lease, while it is active.
    pub(super) lease: Option<i64>,
    /// Whether it has a permit that no call has used.
    pub(super) unspent: bool,
    /// Whether it stands aside: its last call was refused when it came in line.
    aside: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) bounds: Bounds,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) permits: BTreeMap<String, Permit>,
    pub(super) suspects: Suspects,
    breaker: Breaker,
    doubt: Doubt,
    blame: Blame,
    /// Moving means of what calls used and were estimated at, and until when they count.
    overuse: (f64, f64, i64),
    /// Takes in which jobs were left aside, and calls whose reservation was scaled.
    left_aside: usize,
    scaled: usize,
    /// Whose job it was, also when that has ended.
    users: BTreeMap<JobId, &'static str>,
    /// Refusals that counted as attempts.
    charged: usize,
    refused: BTreeMap<String, i64>,
    slots: BTreeMap<JobId, i64>,
    pause_until: i64,
    refusals: u32,
    episode: i64,
    trial: Option<String>,
    warm_until: i64,
    learned: Learned,
    looked_after: LookedAfter,
}

pub(super) fn member(id: JobId, fence: u64, call: u32) -> String {
    format!("{id}:{fence}:{call}")
}

impl Model {
    pub(super) fn new(now: i64, bounds: Bounds) -> Self {
        Self {
            now,
            bounds,
            jobs: BTreeMap::new(),
            permits: BTreeMap::new(),
            suspects: Suspects::default(),
            breaker: Breaker::default(),
            doubt: Doubt::default(),
            blame: Blame::default(),
            overuse: (0.0, 0.0, 0),
            left_aside: 0,
            scaled: 0,
            users: BTreeMap::new(),
            charged: 0,
            refused: BTreeMap::new(),
            slots: BTreeMap::new(),
            pause_until: 0,
            refusals: 0,
            episode: 0,
            trial: None,
            warm_until: 0,
            learned: Learned::default(),
            looked_after: LookedAfter::default(),
        }
    }

    pub(super) fn slots(&self) -> BTreeSet<JobId> {
        self.slots.iter().filter(|(_, end)| **end > self.now).map(|(id, _)| *id).collect()
    }

    pub(super) fn tokens(&self) -> i64 {
        self.permits.values().map(|permit| permit.tokens).sum()
    }

    pub(super) const fn learned(&self) -> Option<i64> {
        self.learned.limit
    }

    pub(super) fn enqueue(&mut self, id: JobId, user: &'static str, rank: i64) {
        let (attempts, worker, fence) = (0, "", 0);
        self.users.insert(id, user);
        self.jobs.insert(
            id,
            Job { user, rank, attempts, worker, fence, need: 100, lease: None, unspent: false, aside: false },
        );
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.breaker.open.is_none()
    }

    /// What is noted of each job.
    pub(super) const fn marks(&self) -> &BTreeMap<JobId, Marks> {
        &self.blame.marks
    }

    /// How often each rule was at work.
    pub(super) fn exercised(&self) -> [(&'static str, usize); 11] {
        [
            ("blamed", self.blame.blamed),
            ("forgotten lesson", self.blame.forgotten),
            ("refused too often", self.blame.failed),
            ("breaker spared", self.breaker.spared),
            ("own refusal", self.doubt.own),
            ("account refused", self.doubt.account),
            ("charged", self.charged),
            ("denied again", self.doubt.again),
            ("left aside", self.left_aside),
            ("scaled", self.scaled),
            ("suspect given", self.suspects.given),
        ]
    }

    /// A reservation, scaled by what recent calls really used.
    fn scale(&mut self, cost: i64) -> i64 {
        let (used, estimated, until) = self.overuse;
        if self.now >= until || used <= estimated {
            return cost;
        }
        self.scaled += 1;
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]
        let scaled = (cost as f64 * used / estimated).ceil() as i64;
        scaled
    }

    fn slide(&mut self) {
        let out = self.now - SPAN;
        self.permits.retain(|_, permit| permit.at > out);
        self.refused.retain(|_, at| *at > out);
    }

    /// The limit of requests now, after a step of widening where one is due.
    fn rpm(&mut self) -> usize {
        let full = i64::try_from(self.bounds.rpm).unwrap();
        let learned = &mut self.learned;
        let stale = self.now > learned.until + 16 * WINDOW;
        if let Some(limit) = learned.limit.filter(|_| stale || learned.reached && self.now >= learned.until) {
            let step = if learned.step > 0.0 { learned.step } else { 0.02 };
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a small number")]
            let wider = limit + ((full as f64 * step).ceil() as i64).max(1);
            if wider >= full || stale {
                *learned = Learned::default();
            } else {
                *learned = Learned {
                    limit: Some(wider),
                    until: self.now + WINDOW,
                    step: (step * 2.0).min(0.16),
                    reached: false,
                    ..learned.clone()
                };
            }
        }
        usize::try_from(self.learned.limit.unwrap_or(full).min(full)).unwrap()
    }

    /// Whether one more call may go, after `new` that go in the same step.
    fn refuses(&mut self, rpm: usize, member: &str, cost: i64, new: usize) -> bool {
        let lately = self.permits.values().filter(|permit| permit.at > self.now - COLD.1).count();
        self.breaker.refuses(self.now, member)
            || self.now < self.pause_until
            || self.refusals > 0 && new > 0
            || self.is_full(rpm)
            || self.tries_too_soon(rpm)
            || self.now >= self.warm_until && lately >= COLD.0
            || !self.fits(cost)
    }

    fn is_full(&mut self, rpm: usize) -> bool {
        let full = self.permits.len() >= rpm;
        let of_learned = self.learned.limit.is_some_and(|limit| usize::try_from(limit) == Ok(rpm));
        self.learned.reached |= full && of_learned;
        full
    }

    /// What is tried beyond the limit that was found goes evenly over the window.
    fn tries_too_soon(&self, rpm: usize) -> bool {
        let sure = self.learned.sure.map_or(rpm, |sure| usize::try_from(sure).unwrap());
        let pause = i64::try_from(rpm.saturating_sub(sure)).ok().and_then(|tried| WINDOW.checked_div(tried));
        let lately = |pause| self.permits.values().any(|permit| permit.at > self.now - pause);
        self.permits.len() >= sure && pause.is_some_and(lately)
    }

    fn fits(&self, more: i64) -> bool {
        more <= 0 || self.tokens() + more.min(self.bounds.tpm) <= self.bounds.tpm
    }

    fn let_go(&mut self, member: &str, cost: i64) {
        self.breaker.send(self.now, member);
        self.permits.insert(member.to_owned(), Permit { at: self.now, tokens: cost });
    }

    fn after_pause(&mut self, first: Option<&str>) {
        if let Some(first) = first.filter(|_| self.refusals > 0) {
            self.pause_until = self.now + TRIAL;
            self.trial = Some(first.to_owned());
        }
    }

    /// What a take does first, whatever it brings.
    pub(super) fn look(&mut self) {
        if let Some(seen) = self.looked_after.look(self.now, LEASE) {
            let end = self.now + LEASE;
            let leases = self.jobs.values_mut().filter_map(|job| job.lease.as_mut());
            leases.chain(self.slots.values_mut()).filter(|until| **until > seen).for_each(|until| *until = end);
        }
        self.reclaim();
    }

    fn reclaim(&mut self) {
        let lapsed: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.lease.is_some_and(|end| end <= self.now))
            .map(|(id, _)| *id)
            .collect();
        let mut lapsed: Vec<_> = lapsed.into_iter().map(|id| (self.jobs[&id].lease, id.to_string(), id)).collect();
        lapsed.sort();
        for (_, _, id) in lapsed {
            let (jobs, worker) = (&self.jobs, self.jobs[&id].worker);
            let dead = self.suspects.lose(worker, id, self.now, |id, fence| runs(jobs, worker, id, fence));
            self.leave(id);
            self.breaker.free_probe(|probe| probe.starts_with(&id.to_string()));
            if dead {
                self.jobs.remove(&id);
            } else if let Some(job) = self.jobs.get_mut(&id) {
                job.attempts -= 1;
            }
        }
    }

    /// The jobs that wait, in the order in which `worker` may have them: suspects first.
    fn line(&mut self, worker: &'static str, want: usize) -> Vec<JobId> {
        let waiting: Vec<JobId> = self.jobs.iter().filter(|(_, job)| job.lease.is_none()).map(|(id, _)| *id).collect();
        let aside = |id: &JobId| self.jobs[id].aside;
        let mut line: Vec<JobId> = waiting.iter().copied().filter(|id| !self.suspects.contains(*id)).collect();
        line.sort_by_key(|id| (self.jobs[id].rank, id.to_string()));
        let careful = self.breaker.open.is_some() || self.refusals > 0;
        if careful && line.iter().any(|id| !aside(id)) {
            let all = line.len();
            line.retain(|id| !aside(id));
            self.left_aside += usize::from(line.len() < all);
            line.truncate(want);
            return line;
        }
        // Of each of the two sorted sets, a take reads as many as it wants.
        line.truncate(want);
        let mut next = self.suspects.next(worker, &waiting, |id, fence| runs(&self.jobs, worker, id, fence));
        next.extend(line);
        next
    }

    /// The attempts of a job, with a refusal that turned out to be its own.
    fn charge(&mut self, id: JobId) -> u32 {
        let job = self.jobs.get_mut(&id).expect("it waits");
        let Some(marks) = self.blame.marks.get_mut(&id) else { return job.attempts };
        let Some(at) = marks.doubted else { return job.attempts };
        match self.doubt.verdict(at) {
            Whose::Unknown => {}
            Whose::Account => marks.doubted = None,
            Whose::Own => {
                marks.doubted = None;
                job.attempts += 1;
                self.charged += 1;
            }
        }
        job.attempts
    }

    /// The jobs that a full take of `want` brings to `worker`.
    pub(super) fn take(&mut self, worker: &'static str, want: usize) -> Vec<(JobId, u64)> {
        self.look();
        if self.jobs.values().all(|job| job.lease.is_some()) {
            return Vec::new();
        }
        self.slide();
        let rpm = self.rpm();
        let (mut taken, mut seen) = (Vec::new(), 0);
        for id in self.line(worker, want) {
            if seen >= want {
                break;
            }
            if self.charge(id) >= ATTEMPTS_MAX {
                seen += 1;
                self.jobs.remove(&id);
                continue;
            }
            let Job { fence, need, .. } = self.jobs[&id];
            let (member, need) = (member(id, fence + 1, 1), self.scale(need));
            if self.slots().len() >= self.bounds.concurrency || self.refuses(rpm, &member, need, taken.len()) {
                break;
            }
            seen += 1;
            self.let_go(&member, need);
            self.slots.insert(id, self.now + LEASE);
            if self.suspects.contains(id) {
                self.suspects.give(worker, id, fence + 1);
            }
            let job = self.jobs.get_mut(&id).expect("it waits");
            (job.fence, job.worker, job.lease, job.unspent) = (fence + 1, worker, Some(self.now + LEASE), true);
            job.attempts += 1;
            taken.push((id, fence + 1));
        }
        self.after_pause(taken.first().map(|(id, fence)| member(*id, *fence, 1)).as_deref());
        taken
    }

    /// Whether the call is let go; `None` where the job is someone else's.
    pub(super) fn begin(&mut self, id: JobId, fence: u64, call: u32, tokens: i64) -> Option<bool> {
        let job = self.jobs.get(&id).filter(|job| job.fence == fence && job.lease.is_some())?.clone();
        self.slide();
        let cost = self.scale(tokens);
        let (member, rpm) = (member(id, fence, call), self.rpm());
        let goes = if let Some(held) = self.permits.get(&member).cloned() {
            let paused = self.now < self.pause_until && self.trial.as_ref() != Some(&member);
            !self.breaker.refuses(self.now, &member) && !paused && self.fits(cost - held.tokens)
        } else {
            !self.refuses(rpm, &member, cost, 0)
        };
        if goes {
            if self.permits.contains_key(&member) {
                self.permits.insert(member, Permit { at: self.now, tokens: cost });
            } else {
                self.let_go(&member, cost);
                self.after_pause(Some(&member));
            }
        } else {
            if job.unspent {
                self.give_back(&self::member(id, fence, 1));
            }
            self.jobs.get_mut(&id)?.need = tokens;
        }
        self.jobs.get_mut(&id)?.unspent = false;
        Some(goes)
    }

    fn give_back(&mut self, member: &str) {
        self.permits.remove(member);
        self.breaker.free_probe(|probe| probe == member);
    }

    /// The job is no longer active.
    fn leave(&mut self, id: JobId) {
        self.slots.remove(&id);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.lease = None;
        let (fence, unspent) = (job.fence, std::mem::take(&mut job.unspent));
        if unspent {
            self.give_back(&member(id, fence, 1));
        }
    }

    /// Whether the settle was done: the job ends, or waits again.
    pub(super) fn settle(&mut self, id: JobId, fence: u64, ends: bool) -> bool {
        let Some(job) = self.jobs.get(&id) else { return false };
        if job.fence != fence || job.lease.is_none() {
            return ends && self.end_late(id);
        }
        self.leave(id);
        if ends {
            self.jobs.remove(&id);
        } else if let Some(job) = self.jobs.get_mut(&id) {
            job.attempts -= 1;
            job.aside = self.blame.marks.get(&id).is_some_and(|marks| marks.aside);
        }
        true
    }

    /// An old holder's result ends the job. Whoever has it now lets go later: its slot stays taken until then.
    fn end_late(&mut self, id: JobId) -> bool {
        let Some(job) = self.jobs.remove(&id) else { return false };
        if job.unspent {
            self.give_back(&member(id, job.fence, 1));
        }
        true
    }
}

fn runs(jobs: &BTreeMap<JobId, Job>, worker: &str, id: JobId, fence: u64) -> bool {
    jobs.get(&id).is_some_and(|job| job.lease.is_some() && job.fence == fence && job.worker == worker)
}
