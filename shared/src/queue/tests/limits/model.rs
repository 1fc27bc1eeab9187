//! What the limiter and the breaker do, once more in plain Rust: slow, obvious, and right.

use std::collections::{BTreeMap, BTreeSet};

use crate::job::JobId;

/// Times and limits of the model, in ms and calls.
pub(super) const WINDOW: i64 = 60_000;
pub(super) const GUARD: i64 = 100;
pub(super) const SPAN: i64 = WINDOW + GUARD;
pub(super) const LEASE: i64 = 30_000;
const COLD: (usize, i64) = (10, 500);
const TRIAL: i64 = 2_000;

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
    Limited(Option<i64>),
    Failed,
    Blocked,
    Unsent,
}

#[derive(Debug, Clone, Default)]
struct Learned {
    limit: Option<i64>,
    /// What it was before it was widened.
    sure: Option<i64>,
    /// Whether it was reached since then.
    reached: bool,
    hold: i64,
    until: i64,
    step: f64,
    base: i64,
    prior: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Breaker {
    Closed { failures: Vec<i64> },
    Open { until: i64, opens: u32, for_good: bool, probe: Option<(String, i64)>, successes: u32 },
}

/// A job that is waiting or active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) fence: u64,
    pub(super) need: i64,
    /// The end of its lease, while it is active.
    pub(super) lease: Option<i64>,
    /// Whether it has a permit that no call has used.
    pub(super) unspent: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) bounds: Bounds,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) permits: BTreeMap<String, Permit>,
    pub(super) breaker: Breaker,
    refused: BTreeMap<String, i64>,
    slots: BTreeMap<JobId, i64>,
    pause_until: i64,
    refusals: u32,
    episode: i64,
    trial: Option<String>,
    warm_until: i64,
    learned: Learned,
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
            breaker: Breaker::Closed { failures: Vec::new() },
            refused: BTreeMap::new(),
            slots: BTreeMap::new(),
            pause_until: 0,
            refusals: 0,
            episode: 0,
            trial: None,
            warm_until: 0,
            learned: Learned::default(),
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

    fn breaker_refuses(&self, member: &str) -> bool {
        match &self.breaker {
            Breaker::Closed { .. } => false,
            Breaker::Open { probe: Some((probe, _)), .. } if probe == member => false,
            Breaker::Open { until, probe, .. } => {
                self.now < *until || probe.as_ref().is_some_and(|(_, until)| self.now < *until)
            }
        }
    }

    /// Whether one more call may go, after `new` that go in the same step.
    fn refuses(&mut self, rpm: usize, member: &str, cost: i64, new: usize) -> bool {
        let lately = self.permits.values().filter(|permit| permit.at > self.now - COLD.1).count();
        self.breaker_refuses(member)
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
        let now = self.now;
        if let Breaker::Open { probe, .. } = &mut self.breaker
            && probe.as_ref().is_none_or(|(probe, _)| probe != member)
        {
            *probe = Some((member.to_owned(), now + 100_000));
        }
        self.permits.insert(member.to_owned(), Permit { at: now, tokens: cost });
    }

    fn after_pause(&mut self, first: Option<&str>) {
        if let Some(first) = first.filter(|_| self.refusals > 0) {
            self.pause_until = self.now + TRIAL;
            self.trial = Some(first.to_owned());
        }
    }

    /// The jobs that a full take of `want` brings.
    pub(super) fn take(&mut self, want: usize) -> Vec<(JobId, u64)> {
        let lapsed: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.lease.is_some_and(|end| end <= self.now))
            .map(|(id, _)| *id)
            .collect();
        for id in lapsed {
            self.leave(id);
        }
        let waiting: Vec<JobId> = self.jobs.iter().filter(|(_, job)| job.lease.is_none()).map(|(id, _)| *id).collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        self.slide();
        let rpm = self.rpm();
        let mut taken = Vec::new();
        for id in waiting.into_iter().take(want) {
            let Job { fence, need, .. } = self.jobs[&id];
            let member = member(id, fence + 1, 1);
            if self.slots().len() >= self.bounds.concurrency || self.refuses(rpm, &member, need, taken.len()) {
                break;
            }
            self.let_go(&member, need);
            self.slots.insert(id, self.now + LEASE);
            self.jobs.insert(id, Job { fence: fence + 1, need, lease: Some(self.now + LEASE), unspent: true });
            taken.push((id, fence + 1));
        }
        self.after_pause(taken.first().map(|(id, fence)| member(*id, *fence, 1)).as_deref());
        taken
    }

    /// Whether the call is let go; `None` where the job is someone else's.
    pub(super) fn begin(&mut self, id: JobId, fence: u64, call: u32, cost: i64) -> Option<bool> {
        let job = self.jobs.get(&id).filter(|job| job.fence == fence && job.lease.is_some())?.clone();
        self.slide();
        let (member, rpm) = (member(id, fence, call), self.rpm());
        let goes = if let Some(held) = self.permits.get(&member).cloned() {
            let paused = self.now < self.pause_until && self.trial.as_ref() != Some(&member);
            !self.breaker_refuses(&member) && !paused && self.fits(cost - held.tokens)
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
            self.jobs.get_mut(&id)?.need = cost;
        }
        self.jobs.get_mut(&id)?.unspent = false;
        Some(goes)
    }

    fn give_back(&mut self, member: &str) {
        self.permits.remove(member);
        if let Breaker::Open { probe, .. } = &mut self.breaker
            && probe.as_ref().is_some_and(|(probe, _)| probe == member)
        {
            *probe = None;
        }
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

    pub(super) fn end(&mut self, id: JobId, fence: u64, call: u32, how: How) {
        self.slide();
        let member = member(id, fence, call);
        let begun = self.permits.get(&member).map_or(self.now, |permit| permit.at);
        match how {
            How::Limited(retry_after) => self.limited(&member, begun, retry_after.unwrap_or(0)),
            How::Ok | How::Rejected => {
                self.warm_until = self.now + WINDOW;
                if self.refusals > 0 && begun > self.episode {
                    (self.refusals, self.pause_until) = (0, 0);
                }
            }
            _ => {}
        }
        if how == How::Unsent {
            self.give_back(&member);
        }
        self.tell_breaker(&member, how);
    }

    fn limited(&mut self, member: &str, begun: i64, retry_after: i64) {
        let fresh = begun > self.episode;
        let mut pause = self.now + retry_after;
        if fresh {
            self.refusals += 1;
            pause = pause.max(self.now + (1_000 << (self.refusals - 1).min(10)).min(30_000));
            self.episode = self.now;
        }
        self.pause_until = self.pause_until.max(pause);
        self.warm_until = 0;
        self.refused.insert(member.to_owned(), begun);
        if self.refusals == 1 {
            self.learn(fresh);
        }
    }

    fn learn(&mut self, fresh: bool) {
        let known = self.learned.clone();
        let mut hold = if known.hold == 0 { 4 } else { known.hold };
        let (mut base, mut prior) = (known.base, known.prior);
        if fresh {
            base = known.limit.unwrap_or_else(|| i64::try_from(self.bounds.rpm).unwrap());
            prior = known.limit;
            if known.limit.is_some() {
                hold = (hold * 2).min(64);
            }
        }
        if base == 0 {
            return;
        }
        let accepted = i64::try_from(self.permits.len()).unwrap() - i64::try_from(self.refused.len()).unwrap();
        let found = accepted.max((base + 1) / 2).max(1);
        let limit = if accepted * 10 < base || found >= base { prior } else { Some(found) };
        let until = if limit.is_some() { self.now + hold * WINDOW } else { 0 };
        self.learned = Learned { limit, sure: limit, reached: false, hold, until, step: 0.0, base, prior };
    }

    fn tell_breaker(&mut self, member: &str, how: How) {
        let now = self.now;
        let open = |opens: u32, for_good: bool| {
            let wait = if for_good { 600_000 } else { (60_000_i64 << opens.min(20)).min(600_000) };
            Breaker::Open { until: now + wait, opens: opens + 1, for_good, probe: None, successes: 0 }
        };
        match &mut self.breaker {
            Breaker::Closed { failures } => match how {
                How::Blocked => self.breaker = open(0, true),
                How::Failed => {
                    failures.push(now);
                    failures.retain(|at| *at > now - 60_000);
                    if failures.len() >= 5 {
                        self.breaker = open(0, false);
                    }
                }
                _ => {}
            },
            Breaker::Open { opens, for_good, probe, successes, .. } => {
                let is_probe = probe.as_ref().is_some_and(|(probe, _)| probe == member);
                match how {
                    How::Blocked if is_probe || !*for_good => self.breaker = open(*opens, true),
                    How::Failed if is_probe => self.breaker = open(*opens, *for_good),
                    _ if !is_probe => {}
                    How::Ok | How::Rejected => {
                        (*probe, *successes) = (None, *successes + 1);
                        if *successes >= 2 || *for_good {
                            self.breaker = Breaker::Closed { failures: Vec::new() };
                        }
                    }
                    _ => *probe = None,
                }
            }
        }
    }
}
