//! The breaker and doubts about the account, once more in plain Rust.

use std::collections::BTreeMap;

use crate::job::JobId;

const WINDOW: i64 = 60_000;
const SLICES: i64 = 10;
const FAILURES: usize = 5;
const RATIO: f64 = 0.5;
const USER_MAX: usize = 2;
const OPEN: i64 = 60_000;
const OPEN_MAX: i64 = 600_000;
const QUICK: i64 = 2_000;
const DOUBT: i64 = 60_000;

/// How a call ends for the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFate {
    Answered,
    Failed,
    Blocked { quick: bool },
    Nothing,
}

#[derive(Debug, Clone)]
pub(super) struct Open {
    until: i64,
    opens: u32,
    for_good: bool,
    pub(super) probe: Option<(String, i64)>,
    successes: u32,
}

/// Who made a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) member: &'a str,
    pub(super) id: JobId,
    pub(super) user: &'static str,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    pub(super) open: Option<Open>,
    /// The last failure of each job that counts.
    failures: BTreeMap<JobId, (i64, &'static str)>,
    /// When calls of whom were answered.
    answers: Vec<(i64, &'static str)>,
    /// Times that five failures, or those of one user, did not open it.
    pub(super) spared: usize,
}

fn bucket(user: &str) -> u32 {
    user.bytes().rev().take(8).map(u32::from).sum::<u32>() % 64
}

impl Breaker {
    pub(super) fn refuses(&self, now: i64, member: &str) -> bool {
        let Some(open) = &self.open else { return false };
        if open.probe.as_ref().is_some_and(|(probe, _)| probe == member) {
            return false;
        }
        now < open.until || open.probe.as_ref().is_some_and(|(_, until)| now < *until)
    }

    pub(super) fn is_probe(&self, member: &str) -> bool {
        self.open.as_ref().and_then(|open| open.probe.as_ref()).is_some_and(|(probe, _)| probe == member)
    }

    pub(super) fn send(&mut self, now: i64, member: &str) {
        if let Some(open) = &mut self.open
            && open.probe.as_ref().is_none_or(|(probe, _)| probe != member)
        {
            open.probe = Some((member.to_owned(), now + 100_000));
        }
    }

    /// The call was not made, or its worker was lost.
    pub(super) fn free_probe(&mut self, is_it: impl Fn(&str) -> bool) {
        if let Some(open) = &mut self.open
            && open.probe.as_ref().is_some_and(|(probe, _)| is_it(probe))
        {
            open.probe = None;
        }
    }

    fn trip(&mut self, now: i64, for_good: bool, quick: bool) {
        let opens = self.open.as_ref().map_or(0, |open| open.opens);
        let mut wait = if for_good { 600_000 } else { (OPEN << opens.min(20)).min(OPEN_MAX) };
        if quick {
            wait = wait.min(QUICK << opens.min(20));
        }
        self.open = Some(Open { until: now + wait, opens: opens + 1, for_good, probe: None, successes: 0 });
        self.failures.clear();
    }

    fn fails(&mut self, now: i64) -> bool {
        let length = WINDOW / SLICES;
        let slice = |at: i64| at.div_euclid(length);
        let counted = |at: i64| slice(now) - slice(at) < SLICES;
        if self.failures.len() < FAILURES {
            return false;
        }
        let mut failures: Vec<_> = self.failures.iter().map(|(id, (at, user))| (*at, *user, *id)).collect();
        failures.sort_by_key(|(at, ..)| -at);
        let others = |user: &str| self.answers.iter().any(|(at, other)| counted(*at) && bucket(other) != bucket(user));
        for back in 0..SLICES {
            let within = |at: i64| slice(now) - slice(at) <= back;
            let answers = self.answers.iter().filter(|(at, _)| within(*at)).count();
            let mut by_user = BTreeMap::<&'static str, usize>::new();
            for (_, user, _) in failures.iter().filter(|(at, ..)| within(*at)) {
                *by_user.entry(user).or_default() += 1;
            }
            let count =
                |(user, count): (&&'static str, &usize)| if others(user) { (*count).min(USER_MAX) } else { *count };
            let failed: usize = by_user.iter().map(count).sum();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            if failed >= FAILURES && failed as f64 >= RATIO * (failed + answers) as f64 {
                return true;
            }
        }
        self.spared += 1;
        false
    }

    pub(super) fn end(&mut self, now: i64, call: Caller<'_>, fate: CallFate) {
        let is_probe = self.is_probe(call.member);
        match fate {
            CallFate::Answered => self.answers.push((now, call.user)),
            CallFate::Blocked { quick } => {
                if is_probe || self.open.as_ref().is_none_or(|open| !open.for_good) {
                    self.trip(now, true, quick);
                }
                return;
            }
            CallFate::Failed if is_probe => {
                let for_good = self.open.as_ref().is_some_and(|open| open.for_good);
                return self.trip(now, for_good, false);
            }
            CallFate::Failed if self.open.is_none() => {
                self.failures.insert(call.id, (now, call.user));
                self.failures.retain(|_, (at, _)| *at > now - WINDOW);
                if self.fails(now) {
                    self.trip(now, false, false);
                }
                return;
            }
            CallFate::Failed | CallFate::Nothing => {}
        }
        if !is_probe {
            return;
        }
        let Some(open) = &mut self.open else { return };
        open.probe = None;
        if fate != CallFate::Answered {
            return;
        }
        open.successes += 1;
        if open.successes >= 2 || open.for_good {
            self.open = None;
        }
    }
}

/// What is not known yet about the account.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt {
    first: Option<(i64, &'static str, JobId)>,
    good: i64,
    bad: i64,
    /// Refusals that turned out to be the job's, and the account's.
    pub(super) own: usize,
    pub(super) account: usize,
    /// Jobs that were refused again while the account was good.
    pub(super) again: usize,
}

/// Whose a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Account,
    Unknown,
}

impl Doubt {
    pub(super) fn raise(&mut self, now: i64, begun: i64, call: Caller<'_>, denied: Option<i64>) -> Whose {
        let again = denied.is_some_and(|at| self.good >= at && self.good > self.bad && self.good > now - DOUBT);
        self.again += usize::from(again && self.good < begun);
        if self.good >= begun || again {
            self.own += 1;
            return Whose::Own;
        }
        match self.first.filter(|(at, ..)| now - at < DOUBT) {
            Some((_, user, id)) if user != call.user && id != call.id => {
                self.account += 1;
                return Whose::Account;
            }
            Some(_) => {}
            None => self.first = Some((begun, call.user, call.id)),
        }
        Whose::Unknown
    }

    pub(super) fn answer(&mut self, begun: i64, id: JobId) {
        let recovered = self.first.is_none() && self.bad > 0 && self.bad >= self.good && begun > self.bad;
        if recovered || self.first.is_some_and(|(at, _, job)| begun >= at && job != id) {
            self.first = None;
            self.good = begun;
        }
    }

    pub(super) fn condemn(&mut self, now: i64) {
        self.first = None;
        self.bad = now;
    }

    pub(super) const fn verdict(&self, at: i64) -> Whose {
        if self.bad >= at {
            Whose::Account
        } else if self.good >= at {
            Whose::Own
        } else {
            Whose::Unknown
        }
    }
}
