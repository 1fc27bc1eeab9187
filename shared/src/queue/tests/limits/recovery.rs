//! Redis was restarted, is new, was away, or its clock has stepped: what was let go before is not let go again, and not for longer
//! than it has to be.

use std::time::Duration;

use super::{FREE, Fixture, GUARD, WINDOW, announced};
use crate::{
    job::JobId,
    limiter::{Announced, Limits, NewRedis, Withheld, WithheldReason, announce, limiter_status, vouch},
    queue::{
        renew::renew,
        take::{TakeSettings, Taken, TakenJob, Wait, take},
        tests::fixture::{QUEUE, jobs_config},
    },
    redis::{RedisPool, take_time_from_hand_clock},
    workers::{Card, Load},
};

const SPAN: Duration = Duration::from_millis(60_100);
const REPORT: Duration = Duration::from_secs(4);
const LIMITS: Limits = Limits { rpm: 5, ..FREE };
const START: i64 = 1_767_225_600_000;

/// Why nothing was given, and for how long.
async fn withheld(f: &Fixture) -> Option<(WithheldReason, Duration)> {
    let request = JobId::new().to_string();
    let reply = take(&f.pool, &f.keys, &f.settings, &request, 1).await.unwrap();
    reply.withheld.map(|(reason, wait)| (reason, wait.unwrap()))
}

fn is_about(wait: Duration, expected: Duration) -> bool {
    wait <= expected && wait + Duration::from_secs(2) > expected
}

async fn forget_waits(f: &Fixture) {
    f.raw::<u64>(&["HDEL", &f.keys.limiter(&Fixture::group()), "next_at"]).await;
}

async fn report(f: &Fixture, worker: &str, new_redis: NewRedis, last_call: Option<Duration>) {
    let group = Fixture::group();
    let announced = Announced { group: &group, limits: LIMITS, new_redis, last_call };
    announce(&f.pool, &f.keys, worker, announced, Duration::from_secs(30), None).await.unwrap();
}

#[test]
fn a_span_is_a_window_with_its_guard() {
    assert_eq!(SPAN, WINDOW + GUARD);
}

#[tokio::test]
async fn a_redis_that_was_restarted_gives_nothing_for_one_window() {
    let f = Fixture::limited(LIMITS).await;
    f.enqueue_many(2).await;
    f.raw::<i64>(&["HSET", &f.keys.epoch(), "run_id", "another"]).await;
    let (reason, wait) = withheld(&f).await.unwrap();
    assert!(reason == WithheldReason::RedisRecovery && is_about(wait, SPAN), "{reason:?} {wait:?}");
    let status = limiter_status(&f.pool, &f.keys, &Fixture::group()).await.unwrap();
    let now: (u64, u64) = f.raw(&["TIME"]).await;
    let Some(Withheld { reason: WithheldReason::RedisRecovery, until_ms }) = status.withheld else {
        panic!("operators are told: {status:?}")
    };
    assert!(is_about(Duration::from_millis(until_ms - now.0 * 1_000), SPAN + Duration::from_secs(1)));

    let ago = (i64::try_from(now.0).unwrap() * 1_000 - 61_200).to_string();
    f.raw::<u64>(&["HSET", &f.keys.epoch(), "since", &ago]).await;
    forget_waits(&f).await;
    assert_eq!(f.ask("a", 1).await.0.len(), 1, "a window has passed");
    f.raw::<i64>(&["HSET", &f.keys.epoch(), "run_id", "another"]).await;
    vouch(&f.pool, &f.keys).await.unwrap();
    assert_eq!(f.ask("a", 1).await.0.len(), 1, "an operator may vouch for it");
    let status = limiter_status(&f.pool, &f.keys, &Fixture::group()).await.unwrap();
    assert_eq!(status.withheld, None);
}

#[tokio::test]
async fn a_new_redis_waits_for_the_workers_reports_and_no_longer_than_their_calls_count() {
    let f = Fixture::limited(LIMITS).await;
    f.enqueue_many(1).await;
    let call_20_s_ago = Some(Duration::from_secs(20));
    let rest = SPAN.checked_sub(Duration::from_secs(20)).unwrap();
    for (reports, expected) in [
        ([(NewRedis::Grant, None), (NewRedis::Grant, None)], REPORT),
        ([(NewRedis::Grant, None), (NewRedis::Grant, call_20_s_ago)], rest),
        ([(NewRedis::Grant, call_20_s_ago), (NewRedis::Grant, Some(SPAN))], rest),
        ([(NewRedis::Grant, Some(Duration::from_mins(2))), (NewRedis::Grant, None)], REPORT),
        ([(NewRedis::Wait, None), (NewRedis::Grant, None)], SPAN),
    ] {
        f.raw::<i64>(&["DEL", &f.keys.epoch()]).await;
        for (worker, (new_redis, last_call)) in ["a", "b"].into_iter().zip(reports) {
            report(&f, worker, new_redis, last_call).await;
        }
        forget_waits(&f).await;
        let (reason, wait) = withheld(&f).await.unwrap();
        assert!(reason == WithheldReason::NewRedis && is_about(wait, expected), "{reports:?}: {wait:?}");
    }
}

#[tokio::test]
async fn a_new_redis_is_waited_for_from_the_first_announcement() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.raw::<i64>(&["DEL", &f.keys.epoch()]).await;
    report(&f, "a", NewRedis::Grant, None).await;
    f.set_clock(START + 4_000).await;
    f.enqueue_many(1).await;
    assert_eq!(withheld(&f).await, None, "nobody had a job to wait with");
}

/// A fixture by hand whose clock says so, with a worker that has announced `limits`.
async fn at(now: i64, limits: Limits) -> Fixture {
    let mut f = Fixture::with_jobs(jobs_config()).await;
    f.set_clock(now).await;
    f.settings.upstream = Some(std::sync::Arc::new(super::upstream(limits)));
    vouch(&f.pool, &f.keys).await.unwrap();
    f.announce("by-hand", limits).await;
    f.warm().await;
    f
}

async fn hold_on(f: &Fixture, jobs: &[TakenJob]) {
    let held: Vec<_> = jobs.iter().map(|job| (job.id, job.fence)).collect();
    let group = Fixture::group();
    let lost = renew(&f.pool, &f.keys, (QUEUE, group.as_str()), Duration::from_secs(30), &held).await.unwrap();
    assert_eq!(lost, []);
}

#[tokio::test]
async fn holders_settle_first_after_an_outage() {
    take_time_from_hand_clock();
    // Whoever asks first: another worker that takes, or a holder of one of the jobs.
    for renews_first in [false, true] {
        let f = at(START, Limits { concurrency: 4, ..FREE }).await;
        f.enqueue_many(4).await;
        let jobs = f.ask("a", 3).await.0;
        f.set_clock(START + 100_000).await;
        if renews_first {
            hold_on(&f, &jobs[..1]).await;
        }
        assert_eq!(f.look().await, 0, "their workers may live");
        for second in [110, 120, 129] {
            f.set_clock(START + second * 1_000).await;
            assert_eq!(f.look().await, 0);
        }
        hold_on(&f, &jobs[..1]).await;
        assert_eq!(f.look().await, 0);
        assert_eq!(f.ask("other", 2).await.0.len(), 1, "the slots are theirs, too");
        f.complete(&jobs[1]).await;
        f.set_clock(START + 130_100).await;
        assert_eq!(f.look().await, 1, "one lease is enough");
    }
}

#[tokio::test]
async fn a_lost_worker_is_no_outage_while_others_look() {
    take_time_from_hand_clock();
    let f = at(START, FREE).await;
    f.enqueue_many(1).await;
    assert_eq!(f.ask("a", 1).await.0.len(), 1);
    for second in (5..=25).step_by(5) {
        f.set_clock(START + second * 1_000).await;
        assert_eq!(f.look().await, 0);
    }
    f.set_clock(START + 30_001).await;
    assert_eq!(f.look().await, 1);
}

/// A process of its own beside that of the fixture.
struct Process {
    pool: RedisPool,
    settings: TakeSettings,
}

impl Process {
    /// One that has been announced, at 0 of its machine's clock.
    async fn start(f: &Fixture, name: &str) -> Self {
        let settings = TakeSettings { worker: name.to_owned(), ..f.settings.clone() };
        let process = Self { pool: f.redis.patient_pool(), settings };
        process.pool.clock().set_boot_ms(0);
        process.register(f).await;
        process
    }

    /// Takes at this time of its machine.
    async fn take(&self, f: &Fixture, boot_ms: i64) -> (Vec<TakenJob>, Option<Wait>, Option<WithheldReason>) {
        self.pool.clock().set_boot_ms(boot_ms);
        let reply = take(&self.pool, &f.keys, &self.settings, &JobId::new().to_string(), 1).await.unwrap();
        let withheld = reply.withheld.map(|(reason, _)| reason);
        match reply.taken {
            Taken::Jobs(jobs, wait) => (jobs, wait, withheld),
            Taken::Wait(wait) => (Vec::new(), Some(wait), withheld),
        }
    }

    async fn register(&self, f: &Fixture) {
        let card = Card {
            queue: QUEUE.to_owned(),
            replica: self.settings.worker.clone(),
            since: tokio::time::Instant::now(),
            slots: 1,
            model: None,
        };
        let load = Load { busy: 0, cpu: None };
        let group = Fixture::group();
        let announced = announced(&group, LIMITS);
        announce(&self.pool, &f.keys, &self.settings.worker, announced, Duration::from_secs(30), Some((&card, load)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_step_of_the_clock_gives_no_permit_for_one_window_and_takes_no_job_away() {
    take_time_from_hand_clock();
    for step in [20_000, -20_000, 3_600_000, -3_600_000, 20_000] {
        let f = at(START, LIMITS).await;
        f.enqueue_many(12).await;
        let (a, b) = (Process::start(&f, "a").await, Process::start(&f, "b").await);
        let (job, ..) = a.take(&f, 1_000).await;
        let (second, ..) = b.take(&f, 1_000).await;
        assert_eq!((job.len(), second.len()), (1, 1));

        f.set_clock(START + 1_000 + step).await;
        let (none, wait, _) = a.take(&f, 2_000).await;
        assert!(none.is_empty(), "{step}: {wait:?}");
        let (none, ..) = b.take(&f, 2_000).await;
        assert!(none.is_empty(), "{step}: two have seen it");
        assert!(a.take(&f, 2_250).await.0.is_empty(), "{step}: it learns that the step is believed");
        let (none, _, why) = a.take(&f, 2_500).await;
        assert!(none.is_empty() && why == Some(WithheldReason::RedisRecovery), "{step}: {why:?}");
        assert_eq!(f.raw::<u64>(&["HGET", &f.keys.epoch(), "steps:openai:model"]).await, 1, "{step}: believed once");

        // One window and no more; the job whose holder is silent is taken back after one lease and no sooner.
        for ms in (5_000..=60_000).step_by(5_000).chain([60_900]) {
            f.set_clock(START + step + ms).await;
            hold_on(&f, &job).await;
            assert!(b.take(&f, 1_000 + ms).await.0.is_empty(), "{step}: {ms}");
            let lost = f.raw::<u64>(&["LLEN", &f.keys.attempts(second[0].id)]).await;
            assert_eq!(lost, u64::from(ms > 31_000), "{step}: {ms}");
        }
        f.set_clock(START + step + 61_200).await;
        assert_eq!(b.take(&f, 62_200).await.0.len(), 1, "{step}");
        f.complete(&job[0]).await;
    }
}

#[tokio::test]
async fn who_has_missed_a_step_sees_the_next_one_as_the_others_do() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(4).await;
    let (a, b) = (Process::start(&f, "a").await, Process::start(&f, "b").await);
    for process in [&a, &b] {
        assert_eq!(process.take(&f, 0).await.0.len(), 1);
    }
    let steps = async || f.raw::<Option<u64>>(&["HGET", &f.keys.epoch(), "steps:openai:model"]).await;
    f.set_clock(START - 3_600_000).await;
    b.take(&f, 0).await;
    assert_eq!(steps().await, Some(1), "Redis' own times lie ahead of its clock");
    f.set_clock(START - 3_600_000 + 21_000).await;
    b.take(&f, 1_000).await;
    assert_eq!(steps().await, Some(1), "seen by one");
    a.take(&f, 1_000).await;
    assert_eq!(steps().await, Some(2), "the same 20 s, though it sees an hour as well");
    b.take(&f, 1_250).await;
    for process in [&a, &b] {
        f.set_clock(START - 3_600_000 + 21_000 + 60_200).await;
        assert_eq!(process.take(&f, 61_200).await.0.len(), 1, "both know the time");
    }
    assert_eq!(steps().await, Some(2));
}

#[tokio::test]
async fn processes_that_see_different_steps_wait_for_each_other_for_a_moment_only() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(4).await;
    let (a, b) = (Process::start(&f, "a").await, Process::start(&f, "b").await);
    for process in [&a, &b] {
        assert_eq!(process.take(&f, 0).await.0.len(), 1);
    }
    // Redis' clock goes forward, and the machine of one of the two was paused for 10 s meanwhile.
    for ms in (1_000..30_000).step_by(250) {
        f.set_clock(START + 20_000 + ms).await;
        a.take(&f, ms).await;
        b.take(&f, ms - 10_000).await;
    }
    for process in [(&a, 90_500), (&b, 80_500)] {
        f.set_clock(START + 20_000 + 90_500).await;
        assert_eq!(process.0.take(&f, process.1).await.0.len(), 1, "both know the time");
    }
}

#[tokio::test]
async fn the_only_process_believes_what_it_sees_twice() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(3).await;
    let a = Process::start(&f, "a").await;
    assert_eq!(a.take(&f, 0).await.0.len(), 1);
    f.set_clock(START + 21_000).await;
    assert!(a.take(&f, 1_000).await.0.is_empty());
    assert_eq!(f.raw::<Option<u64>>(&["HGET", &f.keys.epoch(), "steps:openai:model"]).await, None, "seen once");
    f.set_clock(START + 21_250).await;
    assert!(a.take(&f, 1_250).await.0.is_empty());
    assert_eq!(f.raw::<Option<u64>>(&["HGET", &f.keys.epoch(), "steps:openai:model"]).await, Some(1));
}

#[tokio::test]
async fn a_process_that_stood_still_with_its_machine_is_believed_by_nobody() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(6).await;
    let (paused, other) = (Process::start(&f, "paused").await, Process::start(&f, "other").await);
    for process in [&paused, &other] {
        assert_eq!(process.take(&f, 0).await.0.len(), 1);
    }
    // Its clock stood still for 100 s, and that of the other did not.
    f.set_clock(START + 101_000).await;
    other.register(&f).await;
    assert_eq!(other.take(&f, 101_000).await.0.len(), 1);
    assert!(paused.take(&f, 1_000).await.0.is_empty(), "it can't know");
    other.pool.clock().set_boot_ms(101_100);
    other.register(&f).await;
    assert!(paused.take(&f, 1_250).await.0.is_empty());
    assert_eq!(paused.take(&f, 1_500).await.0.len(), 1, "its clock is set right");
    assert_eq!(f.raw::<Option<u64>>(&["HGET", &f.keys.epoch(), "steps:openai:model"]).await, None);
}

#[tokio::test]
async fn what_waits_for_a_time_waits_no_longer_after_a_step_back() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(2).await;
    let (a, b) = (Process::start(&f, "a").await, Process::start(&f, "b").await);
    assert_eq!(a.take(&f, 0).await.0.len(), 1);
    assert!(b.take(&f, 0).await.0.len() == 1);
    let limiter = f.keys.limiter(&Fixture::group());
    let breaker = f.keys.breaker("openai");
    for (key, field) in [(&limiter, "pause_until"), (&breaker, "until")] {
        f.raw::<u64>(&["HSET", key, field, &(START + 30_000).to_string()]).await;
    }
    let scheduled = f.keys.scheduled(QUEUE);
    f.raw::<u64>(&["ZADD", &scheduled, &(START + 30_000).to_string(), "later"]).await;
    f.set_clock(START - 3_600_000).await;
    a.take(&f, 0).await;
    b.take(&f, 0).await;
    for at in [f.raw::<i64>(&["HGET", &limiter, "pause_until"]).await, f.raw::<i64>(&["HGET", &breaker, "until"]).await]
    {
        assert_eq!(at, START - 3_600_000 + 30_000);
    }
    a.take(&f, 0).await;
    let due: i64 = f.raw::<String>(&["ZSCORE", &scheduled, "later"]).await.parse().unwrap();
    assert_eq!(due, START - 3_600_000 + 30_000);
}

#[tokio::test]
async fn no_deadline_passes_with_a_step_forward() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(3).await;
    let (a, b) = (Process::start(&f, "a").await, Process::start(&f, "b").await);
    a.take(&f, 0).await;
    b.take(&f, 0).await;
    let id = f.enqueue("an hour to go").await;
    f.set_clock(START + 7_200_000).await;
    a.take(&f, 0).await;
    b.take(&f, 0).await;
    a.take(&f, 10).await;
    assert_eq!(f.view(id).await.state, crate::job::JobState::Waiting);
    let deadline: i64 = f.raw(&["ZSCORE", &f.keys.deadlines(QUEUE), &id.to_string()]).await;
    assert_eq!(deadline, START + 7_200_000 + 3_600_000);
}

#[tokio::test]
async fn a_call_at_the_door_is_not_let_go_by_another_clock() {
    take_time_from_hand_clock();
    let f = at(START, LIMITS).await;
    f.enqueue_many(1).await;
    f.pool.clock().set_boot_ms(0);
    let job = f.ask("a", 1).await.0.remove(0);
    f.set_clock(START + 20_000).await;
    let error = f.begin(&job, 100).await.unwrap_err();
    assert_eq!(error.code(), "awaiting_permit", "{error:?}");
    assert_eq!(f.permits().await, 0, "its permit is given back");
}
