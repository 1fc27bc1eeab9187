//! The circuit breaker.

use std::time::Duration;

use super::{FREE, Fixture, ended, refused};
use crate::{
    breaker::{BreakerState, breaker_status, close_breaker, open_breaker, probe_new_settings},
    job::JobState,
    limiter::Limits,
    queue::{Call, Ending},
};

impl Fixture {
    /// Takes a job and lets its call go.
    async fn call_one(&self) -> Call {
        let job = self.ask("a", 1).await.0.pop().expect("a job may run");
        self.begin(&job, 100).await.unwrap()
    }

    async fn fail(&self, times: u32) {
        for _ in 0..times {
            self.call_one().await.end(ended(Ending::Failed)).await;
        }
    }

    async fn breaker(&self) -> BreakerState {
        breaker_status(&self.pool, &self.keys, "openai").await.unwrap().state
    }

    async fn may_run(&self) -> usize {
        self.ask("a", 9).await.0.len()
    }
}

async fn fixture() -> Fixture {
    let f = Fixture::limited(Limits { rpm: 1_000, ..FREE }).await;
    f.enqueue_many(60).await;
    f
}

#[tokio::test]
async fn five_failures_open_it_and_nothing_else_does() {
    let f = fixture().await;
    f.fail(4).await;
    for ending in [Ending::Ok, Ending::Rejected, Ending::Unsent] {
        f.call_one().await.end(ended(ending)).await;
    }
    assert_eq!(f.breaker().await, BreakerState::Closed);
    f.fail(1).await;
    let status = breaker_status(&f.pool, &f.keys, "openai").await.unwrap();
    assert_eq!((status.state, status.reason.as_deref()), (BreakerState::Open, Some("openai_failed")));
    assert_eq!(f.may_run().await, 0);
}

#[tokio::test]
async fn a_refusal_for_the_rate_never_trips_it() {
    let f = fixture().await;
    let calls = [f.call_one().await, f.call_one().await, f.call_one().await];
    for _ in 0..4 {
        for call in &calls {
            call.end(refused(Some(Duration::from_secs(1)))).await;
        }
    }
    assert_eq!(f.breaker().await, BreakerState::Closed);
}

#[tokio::test]
async fn old_failures_do_not_count() {
    let f = fixture().await;
    f.fail(4).await;
    let failures = f.keys.failures("openai");
    for member in f.raw::<Vec<String>>(&["ZRANGE", &failures, "0", "-1"]).await {
        f.raw::<f64>(&["ZINCRBY", &failures, "-60001", &member]).await;
    }
    f.fail(4).await;
    assert_eq!(f.breaker().await, BreakerState::Closed);
}

#[tokio::test]
async fn half_open_lets_exactly_one_go_and_two_successes_close_it() {
    let f = fixture().await;
    f.fail(5).await;
    f.let_pass(Duration::from_mins(1)).await;
    for left in [1, 0] {
        let mut probes = Vec::new();
        for worker in ["a", "b", "c"] {
            probes.extend(f.ask(worker, 9).await.0);
        }
        assert_eq!(probes.len(), 1);
        let probe = f.begin(&probes[0], 100).await.unwrap();
        probe.end(ended(Ending::Ok)).await;
        assert_eq!(f.breaker().await == BreakerState::HalfOpen, left == 1);
    }
    assert_eq!(f.may_run().await, 9);
}

#[tokio::test]
async fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_cap() {
    let f = fixture().await;
    f.fail(5).await;
    for minutes in [1, 2, 4, 8, 10, 10] {
        f.let_pass(Duration::from_secs(minutes * 60 - 1)).await;
        assert_eq!(f.may_run().await, 0, "after {minutes} minutes less a second");
        f.let_pass(Duration::from_secs(1)).await;
        f.fail(1).await;
    }
}

#[tokio::test]
async fn a_call_that_was_allowed_before_it_opened_is_not_let_go() {
    let f = fixture().await;
    let early = f.ask("a", 1).await.0.remove(0);
    f.fail(5).await;
    assert_eq!(f.begin(&early, 100).await.unwrap_err().code(), "awaiting_permit");
    f.let_pass(Duration::from_mins(1)).await;
    let probe = f.ask("a", 1).await.0.remove(0);
    assert_eq!(f.begin(&early, 100).await.unwrap_err().code(), "awaiting_permit", "there is a probe already");
    f.begin(&probe, 100).await.unwrap();
}

#[tokio::test]
async fn a_probe_that_makes_no_call_or_is_lost_makes_room_for_another() {
    let f = fixture().await;
    f.fail(5).await;
    f.let_pass(Duration::from_mins(1)).await;
    let unused = f.ask("a", 1).await.0.remove(0);
    assert_eq!(f.may_run().await, 0);
    f.complete(&unused).await;
    f.ask("a", 1).await.0.pop().expect("the next one is the probe");
    assert_eq!(f.may_run().await, 0);
    f.let_pass(Duration::from_secs(100)).await;
    f.ask("a", 1).await.0.pop().expect("the probe's worker is gone");
}

#[tokio::test]
async fn an_account_that_can_not_be_used_opens_it_for_good_and_a_slow_probe_closes_it() {
    let f = fixture().await;
    let others = [f.call_one().await, f.call_one().await];
    f.call_one().await.end(ended(Ending::Blocked)).await;
    others[0].end(ended(Ending::Ok)).await;
    others[1].end(ended(Ending::Blocked)).await;
    assert_eq!(f.breaker().await, BreakerState::Open, "what was under way changes nothing");
    f.let_pass(Duration::from_mins(9)).await;
    assert_eq!(f.may_run().await, 0);
    for _ in 0..3 {
        f.let_pass(Duration::from_mins(10)).await;
        f.call_one().await.end(ended(Ending::Blocked)).await;
        assert_eq!(f.may_run().await, 0, "one in ten minutes");
    }
    f.let_pass(Duration::from_mins(10)).await;
    f.call_one().await.end(ended(Ending::Ok)).await;
    assert_eq!((f.breaker().await, f.may_run().await), (BreakerState::Closed, 9));
}

#[tokio::test]
async fn an_operator_opens_and_closes_it() {
    let f = fixture().await;
    open_breaker(&f.pool, &f.keys, "openai").await.unwrap();
    f.let_pass(Duration::from_hours(24 * 365)).await;
    assert_eq!(f.may_run().await, 0);
    let waiting = f.raw::<u64>(&["ZCARD", &f.keys.deadlines("ai-jobs")]).await;
    close_breaker(&f.pool, &f.keys, "openai").await.unwrap();
    let job = f.ask("a", 1).await.0.remove(0);
    assert_eq!((waiting, job.attempt, f.view(job.id).await.state), (60, 1, JobState::Active));
}

#[tokio::test]
async fn a_worker_with_other_settings_is_probed_at_once_and_one_with_the_refused_ones_is_not() {
    let f = fixture().await;
    let starts = async |digest| probe_new_settings(&f.pool, &f.keys, "openai", digest).await.unwrap();
    assert!(!starts("other").await, "nothing was refused");
    f.call_one().await.end(ended(Ending::Blocked)).await;
    assert!(!starts("refused").await);
    assert_eq!(f.may_run().await, 0);
    assert!(starts("other").await);
    // A worker with the refused settings gets the probe first: that does not delay the one that is awaited.
    f.call_one().await.end(ended(Ending::Blocked)).await;
    assert_eq!(f.may_run().await, 0);
    f.let_pass(Duration::from_secs(2)).await;
    f.call_one().await.end(ended(Ending::Ok)).await;
    assert_eq!(f.breaker().await, BreakerState::Closed);

    // Once the new settings are refused as well, probes are slow again.
    f.call_one().await.end(ended(Ending::Blocked)).await;
    f.raw::<u64>(&["HSET", &f.keys.breaker("openai"), "refused_settings", "older"]).await;
    assert!(starts("refused").await);
    f.call_one().await.end(ended(Ending::Blocked)).await;
    f.let_pass(Duration::from_secs(3)).await;
    assert_eq!(f.may_run().await, 0);

    open_breaker(&f.pool, &f.keys, "openai").await.unwrap();
    assert!(!starts("other").await, "an operator's breaker is the operator's");
}
