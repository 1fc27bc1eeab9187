//! Jobs whose calls are limited.

mod breaker;
mod budget;
mod learning;
mod model;
mod order;
mod property;
mod recovery;
mod suspects;
mod waiting;
mod windows;

use std::{sync::Arc, time::Duration};

use super::fixture::{Echo, Fixture};
use crate::{
    breaker::BreakerSettings,
    budget::Billing,
    job::{JobError, Priority},
    limiter::{Announced, Group, Limits, NewRedis, TokenAccounting, Upstream, announce, vouch},
    queue::{
        Call, CallEnd, Ending, NewJob,
        take::{TakeSettings, Taken, TakenJob, Wait},
    },
};

pub(super) const WINDOW: Duration = Duration::from_mins(1);
pub(super) const GUARD: Duration = Duration::from_millis(100);

/// No limit at all.
pub(super) const FREE: Limits = Limits { window: WINDOW, guard: GUARD, rpm: 0, rps: 0, tpm: 0, concurrency: 0 };

pub(super) fn breaker() -> BreakerSettings {
    BreakerSettings {
        failures: 5,
        failure_ratio: 0.5,
        failure_window: Duration::from_mins(1),
        open: Duration::from_mins(1),
        open_max: Duration::from_mins(10),
        successes: 2,
        slow_probe: Duration::from_mins(10),
        probe: Duration::from_secs(100),
    }
}

pub(super) fn upstream(limits: Limits) -> Upstream {
    Upstream {
        group: Group::new("openai", "model"),
        limits,
        accounting: TokenAccounting::Reserved,
        chunk_tokens: 1_000,
        call_tokens: 100,
        model: "model".to_owned(),
        prices: "model=1/10".parse().unwrap(),
        breaker: breaker(),
        new_redis: NewRedis::default(),
        settings: "refused".to_owned(),
    }
}

/// What a worker announces that has made no call.
pub(super) fn announced(group: &Group, limits: Limits) -> Announced<'_> {
    Announced { group, limits, new_redis: NewRedis::Grant, last_call: None }
}

impl Fixture {
    /// A fixture whose worker has announced `limits`, on a Redis that is trusted.
    pub(super) async fn limited(limits: Limits) -> Self {
        Self::with_upstream(upstream(limits)).await
    }

    pub(super) async fn with_upstream(upstream: Upstream) -> Self {
        let mut f = Self::start().await;
        vouch(&f.pool, &f.keys).await.unwrap();
        f.announce("by-hand", upstream.limits).await;
        f.settings.upstream = Some(Arc::new(upstream));
        f.warm().await;
        f
    }

    pub(super) fn group() -> Group {
        Group::new("openai", "model")
    }

    pub(super) async fn announce(&self, worker: &str, limits: Limits) {
        let ttl = Duration::from_secs(30);
        announce(&self.pool, &self.keys, worker, announced(&Self::group(), limits), ttl, None).await.unwrap();
    }

    /// As after a call that succeeded: more than a few may go at once.
    pub(super) async fn warm(&self) {
        self.raw::<u64>(&["HSET", &self.keys.limiter(&Self::group()), "warm_until", "9999999999999"]).await;
    }

    pub(super) async fn enqueue_many(&self, count: usize) {
        for n in 0..count {
            self.enqueue(&n.to_string()).await;
        }
    }

    pub(super) async fn enqueue_for(&self, user: &str, priority: Priority) -> crate::job::JobId {
        let job = NewJob { priority, ..NewJob::new(Echo { say: "x".to_owned() }, user) };
        self.accept(&job).await
    }

    /// As `worker`: jobs and how long to wait for more.
    pub(super) async fn ask(&self, worker: &str, want: usize) -> (Vec<TakenJob>, Option<Wait>) {
        let settings = TakeSettings { worker: worker.to_owned(), ..self.settings.clone() };
        match self.take_as(&crate::job::JobId::new().to_string(), want, &settings).await {
            Taken::Jobs(jobs, more) => (jobs, more),
            Taken::Wait(until) => (Vec::new(), Some(until)),
        }
    }

    /// Lets time pass for the limiter: everything in its log, and its pauses, are older by `by`.
    pub(super) async fn let_pass(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        let (group, back) = (Self::group(), (-by).to_string());
        for key in [self.keys.permits(&group), format!("{}:refused:openai:model", self.keys.root())] {
            for member in self.raw::<Vec<String>>(&["ZRANGE", &key, "0", "-1"]).await {
                self.raw::<f64>(&["ZINCRBY", &key, &back, &member]).await;
            }
        }
        let limiter = self.keys.limiter(&group);
        for field in ["pause_until", "hold_until", "room_until", "episode", "booked_until", "next_at", "passed"] {
            if self.raw::<u64>(&["HEXISTS", &limiter, field]).await == 1 {
                self.raw::<i64>(&["HINCRBY", &limiter, field, &back]).await;
            }
        }
        let breaker = self.keys.breaker("openai");
        for field in ["until", "probe_until"] {
            if self.raw::<u64>(&["HEXISTS", &breaker, field]).await == 1 {
                self.raw::<i64>(&["HINCRBY", &breaker, field, &back]).await;
            }
        }
    }

    /// Begins the first call of a job.
    pub(super) async fn begin(&self, job: &TakenJob, tokens: u32) -> Result<Call, JobError> {
        let call = self.context(job).call(tokens);
        call.begin().await.map(|()| call)
    }

    pub(super) async fn permits(&self) -> u64 {
        self.raw(&["ZCARD", &self.keys.permits(&Self::group())]).await
    }

    pub(super) async fn tokens(&self) -> i64 {
        self.raw::<Option<i64>>(&["HGET", &self.keys.limiter(&Self::group()), "tokens"]).await.unwrap_or(0)
    }
}

/// A call that ended so.
pub(super) const fn ended(ending: Ending) -> CallEnd<'static> {
    CallEnd {
        ending,
        reason: "openai_failed",
        tokens: None,
        billing: Billing::NONE,
        assumed: false,
        limit_requests: None,
        remaining_requests: None,
        limit_tokens: None,
    }
}

pub(super) const fn refused(retry_after: Option<Duration>) -> CallEnd<'static> {
    ended(Ending::Limited { retry_after, plain: true })
}
