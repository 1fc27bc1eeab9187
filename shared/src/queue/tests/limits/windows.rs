//! The windows: requests, seconds, tokens, slots.

use std::time::Duration;

use super::{FREE, Fixture, GUARD, WINDOW, announced, ended, upstream};
use crate::{
    job::{Decision, JobError, JobState},
    limiter::{Announced, LimitName, Limits, TokenAccounting, Upstream, announce, limiter_status, set_limits},
    queue::{CallEnd, Ending, Queue, take::Wait, tests::fixture::jobs_config},
};

/// Less than a window by more than a test takes.
const ALMOST: Duration = Duration::from_secs(55);

fn booked(wait: Option<Wait>) -> Duration {
    let Some(Wait::Booked(after)) = wait else { panic!("one worker waits for the next permit: {wait:?}") };
    after
}

#[tokio::test]
async fn no_more_than_the_limit_in_the_window_and_its_guard() {
    let f = Fixture::limited(Limits { rpm: 3, ..FREE }).await;
    f.enqueue_many(9).await;
    let (jobs, wait) = f.ask("a", 9).await;
    assert_eq!(jobs.len(), 3);
    let wait = booked(wait);
    assert!(wait > ALMOST && wait <= WINDOW + GUARD, "{wait:?}");
    assert_eq!(f.view(jobs[2].id).await.state, JobState::Active);

    f.let_pass(WINDOW).await;
    assert!(f.ask("a", 9).await.0.is_empty(), "the guard band counts");
    f.let_pass(GUARD).await;
    assert_eq!(f.ask("a", 9).await.0.len(), 3);
}

#[tokio::test]
async fn a_permit_counts_from_when_its_call_is_made() {
    let f = Fixture::limited(Limits { rpm: 2, ..FREE }).await;
    f.enqueue_many(3).await;
    let jobs = f.ask("a", 2).await.0;
    f.let_pass(WINDOW / 2).await;
    f.begin(&jobs[1], 100).await.unwrap();
    f.let_pass(WINDOW / 2 + GUARD).await;
    let (more, wait) = f.ask("a", 9).await;
    assert_eq!(more.len(), 1, "the permit of the first has slid out, that of the second was moved");
    assert!(wait.is_none(), "nothing waits any more");
    assert_eq!(f.permits().await, 2);
}

#[tokio::test]
async fn a_call_begun_after_its_permit_has_slid_out_needs_a_new_one() {
    let f = Fixture::limited(Limits { rpm: 1, ..FREE }).await;
    f.enqueue_many(2).await;
    let late = f.ask("a", 1).await.0.remove(0);
    f.let_pass(WINDOW + GUARD).await;
    let other = f.ask("a", 1).await.0.remove(0);
    f.begin(&other, 100).await.unwrap();
    let error = f.begin(&late, 100).await.unwrap_err();
    assert_eq!(error.code(), "awaiting_permit");
    assert_eq!(f.permits().await, 1);
}

#[tokio::test]
async fn seconds_are_a_window_of_their_own() {
    let f = Fixture::limited(Limits { rpm: 100, rps: 2, ..FREE }).await;
    f.enqueue_many(5).await;
    let (jobs, wait) = f.ask("a", 5).await;
    assert_eq!(jobs.len(), 2);
    assert!(booked(wait) <= Duration::from_secs(1) + GUARD);
    f.let_pass(Duration::from_secs(1) + GUARD).await;
    assert_eq!(f.ask("a", 5).await.0.len(), 2);
}

#[tokio::test]
async fn tokens_are_reserved_corrected_at_the_door_and_slide_out() {
    let f = Fixture::limited(Limits { tpm: 350, ..FREE }).await;
    f.enqueue_many(5).await;
    let (jobs, wait) = f.ask("a", 5).await;
    assert_eq!((jobs.len(), f.tokens().await), (3, 300), "each takes 100 tokens beside its text");
    assert!(booked(wait) > Duration::from_secs(30));
    f.begin(&jobs[0], 150).await.unwrap();
    assert_eq!(f.tokens().await, 350);
    assert_eq!(f.begin(&jobs[1], 101).await.unwrap_err().code(), "awaiting_permit");
    assert_eq!((f.tokens().await, f.permits().await), (250, 2), "what it had is given back");
    f.begin(&jobs[2], 40).await.unwrap();
    assert_eq!(f.tokens().await, 190);

    f.let_pass(WINDOW + GUARD).await;
    f.ask("a", 5).await;
    assert_eq!((f.permits().await, f.tokens().await), (2, 200), "two that waited");
}

#[tokio::test]
async fn a_job_that_was_refused_tokens_comes_back_with_what_it_needs() {
    let f = Fixture::limited(Limits { tpm: 300, ..FREE }).await;
    f.enqueue_many(1).await;
    let job = f.ask("a", 1).await.0.remove(0);
    let other = f.context(&job).call(100);
    other.begin().await.unwrap();
    let error = other.job.call(250).begin().await.unwrap_err();
    f.end(&job, &error).await;
    let (none, wait) = f.ask("a", 1).await;
    assert!(none.is_empty() && booked(wait) > Duration::from_secs(30), "250 do not fit beside 100");
    f.let_pass(WINDOW + GUARD).await;
    assert_eq!(f.ask("a", 1).await.0[0].attempt, 1, "it lost no attempt");
    assert_eq!(f.tokens().await, 250);
}

#[tokio::test]
async fn used_accounting_cuts_to_real_use_and_reserved_does_not() {
    for (accounting, left) in [(TokenAccounting::Used, 30), (TokenAccounting::Reserved, 100)] {
        let limits = Limits { tpm: 1_000, ..FREE };
        let f = Fixture::with_upstream(Upstream { accounting, ..upstream(limits) }).await;
        f.enqueue_many(1).await;
        let job = f.ask("a", 1).await.0.remove(0);
        let call = f.begin(&job, 100).await.unwrap();
        call.end(CallEnd { tokens: Some((20, 10)), ..ended(Ending::Ok) }).await;
        assert_eq!(f.tokens().await, left, "{accounting:?}");
    }
}

#[tokio::test]
async fn slots_are_held_by_leases_and_come_back_with_them() {
    let f = Fixture::limited(Limits { concurrency: 2, ..FREE }).await;
    f.enqueue_many(5).await;
    let (jobs, wait) = f.ask("a", 5).await;
    assert_eq!((jobs.len(), wait), (2, Some(Wait::Woken)), "a slot is freed by a job's end, not by time");
    f.complete(&jobs[0]).await;
    let (next, _) = f.ask("a", 5).await;
    assert_eq!(next.len(), 1);

    // The holder of this one is gone.
    for key in [f.keys.in_flight(&Fixture::group()), f.keys.leases("ai-jobs")] {
        f.raw::<u64>(&["ZADD", &key, "1", &jobs[1].id.to_string()]).await;
    }
    assert_eq!(f.ask("a", 5).await.0[0].id, jobs[1].id, "it is taken back, with its slot");
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.in_flight(&Fixture::group())]).await, 2);
}

#[tokio::test]
async fn a_freed_slot_wakes_a_worker_where_one_was_missing() {
    let f = Fixture::limited(Limits { concurrency: 1, ..FREE }).await;
    f.enqueue_many(2).await;
    let job = f.ask("a", 5).await.0.remove(0);
    let wake = f.keys.wake("ai-jobs", &<super::Echo as crate::job::Kind>::lane());
    f.raw::<u64>(&["DEL", &wake]).await;
    f.complete(&job).await;
    assert_eq!(f.raw::<u64>(&["EXISTS", &wake]).await, 1);
}

#[tokio::test]
async fn what_was_not_called_is_given_back() {
    let f = Fixture::limited(Limits { rpm: 2, tpm: 1_000, ..FREE }).await;
    f.enqueue_many(3).await;
    let jobs = f.ask("a", 2).await.0;
    f.complete(&jobs[0]).await;
    assert_eq!((f.permits().await, f.tokens().await), (1, 100), "a job without a call");
    f.begin(&jobs[1], 100).await.unwrap();
    f.end(&jobs[1], &JobError::fail("x", "x")).await;
    assert_eq!(f.permits().await, 1, "a call that was made counts, whatever became of it");
    let third = f.ask("a", 1).await.0.remove(0);
    f.context(&third).call(100).end(ended(Ending::Unsent)).await;
    assert_eq!((f.permits().await, f.tokens().await), (1, 100));
}

#[tokio::test]
async fn the_lowest_announced_limit_counts_unless_an_operator_has_set_one() {
    let f = Fixture::limited(Limits { rpm: 100, ..FREE }).await;
    let group = Fixture::group();
    f.announce("other", Limits { rpm: 50, tpm: 9, ..FREE }).await;
    let status = limiter_status(&f.pool, &f.keys, &group).await.unwrap();
    assert!(status.differ);
    assert_eq!((status.in_force["rpm"], status.in_force["tpm"], status.in_force["window_ms"]), (50, 9, 60_000));
    set_limits(&f.pool, &f.keys, &group, &[(LimitName::Rpm, Some(70))]).await.unwrap();
    f.announce("by-hand", Limits { rpm: 100, ..FREE }).await;
    let set = limiter_status(&f.pool, &f.keys, &group).await.unwrap();
    assert_eq!((set.in_force["rpm"], set.set["rpm"]), (70, 70), "whatever workers announce");

    let unset = set_limits(&f.pool, &f.keys, &group, &[(LimitName::Rpm, None)]).await.unwrap();
    assert_eq!(unset.limits.unwrap().rpm, 50);
    let gone = Limits { rpm: 50, tpm: 9, ..FREE };
    let left = announce(&f.pool, &f.keys, "other", announced(&group, gone), Duration::ZERO, None).await.unwrap();
    assert_eq!((left.limits.unwrap().rpm, left.differ), (100, false), "a worker that leaves takes its limits along");
}

#[tokio::test]
async fn without_announced_limits_no_job_is_given_out() {
    let f = Fixture::limited(Limits { rpm: 5, ..FREE }).await;
    f.enqueue_many(1).await;
    f.raw::<u64>(&["DEL", &f.keys.limiter(&Fixture::group())]).await;
    assert_eq!(f.ask("a", 1).await, (vec![], Some(Wait::Unannounced)));
}

#[tokio::test]
async fn a_redis_that_was_killed_and_started_again_gives_nothing_for_one_window() {
    let limits = Limits { rpm: 5, ..FREE };
    let mut f = Fixture::limited(limits).await;
    f.enqueue_many(1).await;
    assert_eq!(f.ask("a", 1).await.0.len(), 1);
    f.redis.kill().await.unwrap();
    f.redis.start_again().await.unwrap();
    f.pool = f.redis.patient_pool();
    // It kept nothing: what a worker knows of its last call is all there is.
    let group = Fixture::group();
    let announced = Announced { last_call: Some(Duration::ZERO), ..announced(&group, limits) };
    announce(&f.pool, &f.keys, "by-hand", announced, Duration::from_secs(30), None).await.unwrap();
    f.warm().await;
    f.queue = Queue::new(f.pool.clone(), "test", jobs_config());
    f.enqueue_many(1).await;
    let (none, wait) = f.ask("a", 1).await;
    assert!(none.is_empty() && booked(wait) > ALMOST, "what was called before it died is not known");
}

#[tokio::test]
async fn a_redis_that_answers_later_than_the_guard_allows_lets_no_call_go_and_is_not_pressed() {
    // The patience is a nanosecond: every answer is too late.
    let guard = Duration::from_nanos(3);
    let f = Fixture::limited(Limits { rpm: 5, guard, ..FREE }).await;
    f.enqueue_many(1).await;
    let job = f.ask("a", 1).await.0.remove(0);
    let error = f.begin(&job, 100).await.unwrap_err();
    assert_eq!((error.code(), error.decision()), ("permit_lapsed", Decision::Snooze(Duration::from_secs(1))));
    f.end(&job, &error).await;
    assert_eq!((f.view(job.id).await.state, f.view(job.id).await.attempts), (JobState::Scheduled, 0));
}
