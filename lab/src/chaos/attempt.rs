//! Attempts at jobs: who holds which, and which of them were cut short.

use std::collections::{HashMap, HashSet};

use shared::{
    limiter::Group,
    redis::{Keys, RedisPool},
};

use super::system::QUEUE;

/// One attempt at one job, as its calls name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) job: String,
    pub(super) number: u32,
}

/// An attempt that is under way.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) attempt: Attempt,
    /// Request ids of calls that were let go: their permits are in the window.
    pub(super) let_go: Vec<String>,
}

impl Attempt {
    /// The attempt that a call belongs to: our worker sends `<job id>.<attempt>.<call>`.
    pub(super) fn of_call(request_id: &str) -> Option<Self> {
        let mut parts = request_id.split('.');
        let (job, number) = (parts.next()?, parts.next()?.parse().ok()?);
        Some(Self { job: job.to_owned(), number })
    }
}

type Fields = (Option<String>, Option<u32>, Option<u64>, Option<String>);

/// What is held under a lease: by the worker of this name, or by anyone.
pub(super) async fn held(pool: &RedisPool, keys: &Keys, worker: Option<&str>) -> anyhow::Result<Vec<Held>> {
    let permits = keys.permits(&Group::new("openai", "gpt-6-luna"));
    let mut read = redis::pipe();
    read.zrange(keys.leases(QUEUE), 0, -1).zrange(permits, 0, -1);
    let (leased, permits): (Vec<String>, Vec<String>) = pool.query(&read).await?;
    let mut read = redis::pipe();
    for id in &leased {
        read.hmget(keys.job(id.parse()?), &["worker", "attempts", "fence", "permit"]);
    }
    let jobs: Vec<Fields> = if leased.is_empty() { Vec::new() } else { pool.query(&read).await? };
    let prefix = worker.map(|name| format!("{name}-"));
    let is_wanted = |holder: &str| prefix.as_ref().is_none_or(|prefix| holder.starts_with(prefix));
    let held = leased.into_iter().zip(jobs).filter_map(|(job, (holder, number, fence, unused))| {
        let number = number.filter(|_| holder.is_some_and(|holder| is_wanted(&holder)))?;
        let member = format!("{job}:{}:", fence?);
        let used = permits.iter().filter(|permit| unused.as_ref() != Some(*permit));
        let calls = used.filter_map(|permit| permit.strip_prefix(&member));
        let let_go = calls.map(|call| format!("{job}.{number}.{call}")).collect();
        Some(Held { attempt: Attempt { job, number }, let_go })
    });
    Ok(held.collect())
}

/// Milliseconds as the upstream's log has them.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit into 53 bits")]
pub(super) const fn ms(unix_ms: u64) -> f64 {
    unix_ms as f64
}

/// What may have made a call in vain, and what excuses a call from the window.
#[derive(Debug, Default)]
pub(super) struct Interruptions {
    /// Attempts whose worker was killed, or stopped past its lease.
    cut_short: HashSet<Attempt>,
    /// When Redis could not be reached, in ms since the Unix epoch.
    outages: Vec<(f64, f64)>,
    /// Calls that were let go when their process was stopped, and when it went on.
    stopped: HashMap<String, f64>,
}

impl Interruptions {
    /// The worker that held these was killed.
    pub(super) fn killed(&mut self, held: Vec<Held>) {
        self.cut_short.extend(held.into_iter().map(|held| held.attempt));
    }

    /// The worker that held these was stopped past its lease, and went on at `on_ms`.
    pub(super) fn stopped(&mut self, held: Vec<Held>, on_ms: f64) {
        self.cut_short.extend(held.iter().map(|held| held.attempt.clone()));
        self.blinked(held, on_ms);
    }

    /// The worker that holds these was stopped for less than its lease, and went on at `on_ms`.
    pub(super) fn blinked(&mut self, held: Vec<Held>, on_ms: f64) {
        self.stopped.extend(held.into_iter().flat_map(|held| held.let_go).map(|call| (call, on_ms)));
    }

    /// Redis could not be reached.
    pub(super) fn outage(&mut self, from_ms: f64, to_ms: f64) {
        self.outages.push((from_ms, to_ms));
    }

    /// Whether the attempt's worker was lost.
    pub(super) fn cut_short(&self, attempt: &Attempt) -> bool {
        self.cut_short.contains(attempt)
    }

    /// Whether Redis was away at some time in this span.
    pub(super) fn was_away(&self, from_ms: f64, to_ms: f64) -> bool {
        self.outages.iter().any(|(from, to)| *from <= to_ms && from_ms <= *to)
    }

    /// Whether a call was let go before its process was stopped and sent after it went on: the one exemption of the window.
    pub(super) fn is_exempt(&self, request_id: &str, t_ms: f64) -> bool {
        self.stopped.get(request_id).is_some_and(|on_ms| t_ms >= *on_ms)
    }
}
