//! How many workers are needed.

use std::time::Duration;

use super::{Advice, Bounds, Reason, Service};

/// What is added to the slots that a rate of calls keeps busy: between two calls a slot is settled and given a new job.
const HEADROOM: f64 = 1.1;
/// From this share of a limit on it is used up: what is left is the grain of the window.
const USED_UP: f64 = 0.95;
/// Above this share of what they may use, processors are what is short …
const CPU_HIGH: f64 = 0.8;
/// … and with so many replicas that they come to this one, they are not.
const CPU_GOOD: f64 = 0.65;

/// A queue, its workers and what limits their calls.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerFigures {
    /// Whose they are.
    pub service: Service,
    /// Live workers.
    pub live: u32,
    /// Jobs that one of them can run at once.
    pub slots: u32,
    /// Jobs in line for a worker.
    pub waiting: u64,
    /// Jobs that run.
    pub active: u64,
    /// How long the oldest of those that are next has waited.
    pub oldest: Duration,
    /// How long a call takes; `None` before the first has ended.
    pub call_time: Option<Duration>,
    /// What limits the calls.
    pub window: Window,
    /// What holds all jobs.
    pub held: Option<Held>,
    /// Processor time that the workers use, as a part of what they may; `None` where they do not say.
    pub cpu: Option<f64>,
}

/// The limits of the upstream; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Window {
    /// The time that `rpm` and `tpm` are for, its guard included.
    pub length: Duration,
    /// Requests in it.
    pub rpm: Option<u64>,
    /// Requests in a second.
    pub rps: Option<u64>,
    /// Tokens in it.
    pub tpm: Option<u64>,
    /// Calls at once.
    pub concurrency: Option<u64>,
    /// What of `rpm` is used now.
    pub requests: u64,
    /// What of `tpm` is used now.
    pub tokens: u64,
    /// What of `concurrency` is used now.
    pub in_flight: u64,
}

/// What holds all jobs of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// An operator has paused the queue.
    Paused,
    /// The kill switch is thrown.
    Killed,
    /// The breaker is not closed.
    Breaker,
    /// The upstream has asked for a pause.
    Upstream,
}

impl Window {
    /// The limit that is used up now, if one is.
    fn used_up(&self) -> Option<&'static str> {
        let limits = [
            (self.rpm, self.requests, "rpm"),
            (self.tpm, self.tokens, "tpm"),
            (self.concurrency, self.in_flight, "concurrency"),
        ];
        let used_up = |limit: Option<u64>, used| limit.is_some_and(|limit| float(used) >= float(limit) * USED_UP);
        limits.into_iter().find(|(limit, used, _)| used_up(*limit, *used)).map(|(_, _, name)| name)
    }
}

/// Slots that are of use, and the limit that allows no more, if one does.
struct Useful {
    slots: f64,
    limit: Option<&'static str>,
}

/// How many workers are needed.
#[must_use]
pub fn workers(figures: &WorkerFigures, bounds: &Bounds) -> Advice {
    let advice = |replicas: u32, reason, limit: Option<&'static str>, text: String| Advice {
        service: figures.service,
        replicas: bounds.within(replicas),
        live: Some(figures.live),
        reason,
        limit,
        text,
    };
    let jobs = figures.waiting + figures.active;
    if let Some(held) = figures.held {
        let text = format!("{} jobs wait since {}: no number of workers changes that", figures.waiting, held.text());
        return advice(figures.live, Reason::Held, None, text);
    }
    if jobs == 0 {
        return advice(bounds.min, Reason::Idle, None, "no job waits or runs".to_owned());
    }
    let Some(call_time) = figures.call_time.filter(|time| !time.is_zero()) else {
        let text = format!("{} jobs wait, and no call has ended yet: how long one takes is not known", figures.waiting);
        return advice(figures.live.max(1), Reason::Unmeasured, None, text);
    };
    let Useful { slots, limit } = useful(figures, call_time, bounds.wait);
    let by_slots = replicas_for(slots / f64::from(figures.slots.max(1))).max(1);
    let by_cpu = figures.cpu.filter(|cpu| *cpu > CPU_HIGH);
    let by_cpu = by_cpu.map_or(0, |cpu| replicas_for(f64::from(figures.live) * cpu / CPU_GOOD));
    if by_cpu > by_slots {
        let percent = whole(figures.cpu.unwrap_or_default() * 100.0);
        let text = format!("the workers use {percent} % of the processors that they may use");
        return advice(by_cpu, Reason::Cpu, None, text);
    }
    // Where a limit is used up already, those who live can feed on it, however long a call may take now.
    if by_slots > figures.live
        && let Some(limit) = figures.window.used_up().filter(|_| figures.live > 0)
    {
        let text = words(figures, call_time, Some(limit), bounds.within(figures.live));
        return advice(figures.live, Reason::Limit, Some(limit), text);
    }
    let text = words(figures, call_time, limit, bounds.within(by_slots));
    advice(by_slots, if limit.is_some() { Reason::Limit } else { Reason::Wait }, limit, text)
}

/// Slots that keep the wait short, as far as the limits let calls go.
fn useful(figures: &WorkerFigures, call_time: Duration, wait: Duration) -> Useful {
    let (waiting, active, call) = (float(figures.waiting), float(figures.active), call_time.as_secs_f64());
    // Who has waited for too long already is worth a slot; for the others it is enough that their turn comes in time.
    let late = figures.oldest >= wait;
    let more = if late { waiting } else { (waiting * call / wait.as_secs_f64().max(0.001)).min(waiting) };
    let demand = active + more;
    let fed = fed(&figures.window, call).min_by(|(a, _), (b, _)| a.total_cmp(b));
    match fed {
        Some((slots, limit)) if slots < demand => Useful { slots, limit: Some(limit) },
        _ => Useful { slots: demand, limit: None },
    }
}

/// Slots that each limit can keep busy, where a call takes so many seconds.
fn fed(window: &Window, call: f64) -> impl Iterator<Item = (f64, &'static str)> {
    let length = window.length.as_secs_f64().max(0.001);
    let busy = move |calls: f64, seconds: f64| calls / seconds * call * HEADROOM;
    // Without a call in the window nobody knows how many tokens one needs.
    let tokens_per_call =
        (window.requests > 0 && window.tokens > 0).then(|| float(window.tokens) / float(window.requests));
    let calls_of_tokens = window.tpm.zip(tokens_per_call).map(|(tokens, each)| float(tokens) / each);
    [
        (window.rpm.map(|calls| busy(float(calls), length)), "rpm"),
        (window.rps.map(|calls| busy(float(calls), 1.0)), "rps"),
        (calls_of_tokens.map(|calls| busy(calls, length)), "tpm"),
        (window.concurrency.map(float), "concurrency"),
    ]
    .into_iter()
    .filter_map(|(slots, limit)| Some((slots?, limit)))
}

fn words(figures: &WorkerFigures, call_time: Duration, limit: Option<&'static str>, replicas: u32) -> String {
    let WorkerFigures { waiting, active, oldest, slots, .. } = figures;
    let (call, oldest) = (call_time.as_secs_f64(), oldest.as_secs_f64());
    let stand = format!(
        "{waiting} jobs wait (the oldest for {oldest:.1} s), {active} run, a call takes {call:.1} s, a worker has {slots} slots"
    );
    match limit {
        None => stand,
        Some(limit) => format!(
            "{stand}; the limit {limit} feeds {replicas} of them: more workers do not help, a higher limit does \
             (unilingo limits set --{limit} N, where the provider gives more)"
        ),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
const fn float(number: u64) -> f64 {
    number as f64
}

/// Replicas that come to so much, where a hair's breadth more is rounding.
pub(super) fn replicas_for(much: f64) -> u32 {
    whole((much - 1e-6).ceil())
}

/// A whole number; casting saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and none is negative")]
const fn whole(number: f64) -> u32 {
    number as u32
}
