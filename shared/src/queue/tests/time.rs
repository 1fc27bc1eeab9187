//! What time brings about: due jobs, lapsed leases, deadlines, forgotten indexes.

use std::time::Duration;

use super::fixture::{Echo, Fixture, QUEUE, jobs_config};
use crate::{
    config::JobsConfig,
    job::{JobError, JobState},
    queue::{
        NewJob,
        renew::{Lost, renew},
        take::{Taken, Wait},
    },
};

#[tokio::test]
async fn a_delayed_job_is_scheduled_and_take_says_when_to_ask_again() {
    let f = Fixture::start().await;
    let job = NewJob {
        payload: Echo { say: "later".to_owned() },
        delay: Duration::from_mins(1),
        ..NewJob::new(Echo { say: String::new() }, "ada")
    };
    let id = f.accept(&job).await;
    let view = f.view(id).await;
    assert_eq!((view.state, view.run_at_ms), (JobState::Scheduled, Some(view.created_at_ms + 60_000)));
    let Taken::Wait(Wait::Idle(Some(after))) = f.take_as("r", 1, &f.settings).await else { panic!("nothing is due") };
    assert!(after > Duration::from_secs(50) && after <= Duration::from_mins(1), "{after:?}");
}

#[tokio::test]
async fn more_due_jobs_than_a_script_could_unpack_are_no_trouble() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 1_000_000, ..jobs_config() }).await;
    let mut add = redis::pipe();
    let first = f.enqueue("real").await;
    for n in 0..20_000 {
        add.zadd(f.keys.scheduled(QUEUE), format!("ghost-{n}"), 1).ignore();
    }
    f.pool.query::<()>(&add).await.unwrap();
    assert_eq!(f.take(1).await[0].id, first);
    while f.raw::<u64>(&["ZCARD", &f.keys.scheduled(QUEUE)]).await > 0 {
        assert!(f.take(64).await.is_empty());
    }
}

#[tokio::test]
async fn a_crash_uses_no_attempt_and_a_job_that_ends_its_workers_is_buried() {
    let f = Fixture::start().await;
    let id = f.enqueue("poison").await;
    let behind = f.enqueue("behind").await;
    // The first loss makes it a suspect; in the others it was the only one.
    for _ in 0..4 {
        let job = f.take_and_lapse().await;
        assert_eq!((job.id, job.attempt), (id, 1));
    }
    assert_eq!(f.take_one().await.id, behind);
    let view = f.view(id).await;
    assert_eq!(view.state, JobState::Failed);
    assert_eq!(view.failure.unwrap().code, "worker_lost");
    assert_eq!(f.raw::<u64>(&["LLEN", &f.keys.attempts(id)]).await, 4);
}

#[tokio::test]
async fn checkpoints_outlive_a_crash() {
    let f = Fixture::start().await;
    f.enqueue("x").await;
    let lost = f.take_and_lapse().await;
    f.context(&lost).checkpoint("chunk-0", "kept", 20).await.unwrap();
    let again = f.take_one().await;
    assert!(again.attempt == 1 && again.resumed, "{again:?}");
    assert_eq!(f.context(&again).checkpoints().await.unwrap()["chunk-0"], "kept");
}

#[tokio::test]
async fn a_renewed_lease_holds_and_a_lost_one_is_told() {
    let f = Fixture::start().await;
    f.enqueue("kept").await;
    f.enqueue("lost").await;
    let jobs = f.take(2).await;
    let before: f64 = f.raw(&["ZSCORE", &f.keys.leases(QUEUE), &jobs[0].id.to_string()]).await;
    f.complete(&jobs[1]).await;

    let held = [(jobs[0].id, jobs[0].fence), (jobs[1].id, jobs[1].fence)];
    let lost = renew(&f.pool, &f.keys, (QUEUE, ""), Duration::from_mins(5), &held).await.unwrap();
    assert_eq!(lost, [(jobs[1].id, Lost::Ended)]);
    let after: f64 = f.raw(&["ZSCORE", &f.keys.leases(QUEUE), &jobs[0].id.to_string()]).await;
    assert!(after >= before + 200_000.0);
}

#[tokio::test]
async fn a_job_past_its_deadline_ends_wherever_it_is() {
    let f = Fixture::with_jobs(JobsConfig { job_deadline_seconds: 0, ..jobs_config() }).await;
    let waiting = f.enqueue("waiting").await;
    let scheduled = f
        .accept(&NewJob {
            payload: Echo { say: "later".to_owned() },
            delay: Duration::from_secs(9),
            ..NewJob::new(Echo { say: String::new() }, "ada")
        })
        .await;
    assert!(f.take(1).await.is_empty());
    for id in [waiting, scheduled] {
        let view = f.view(id).await;
        assert_eq!((view.state, view.failure.unwrap().code.as_str()), (JobState::Failed, "deadline_exceeded"));
    }
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.deadlines(QUEUE)]).await, 0);
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.scheduled(QUEUE)]).await, 0);
}

#[tokio::test]
async fn a_running_job_past_its_deadline_ends_and_its_late_settle_is_stale() {
    let f = Fixture::start().await;
    let id = f.enqueue("slow").await;
    let job = f.take_one().await;
    f.raw::<u64>(&["ZADD", &f.keys.deadlines(QUEUE), "1", &id.to_string()]).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.view(id).await.failure.unwrap().code, "deadline_exceeded");
    f.complete(&job).await;
    assert_eq!(f.view(id).await.state, JobState::Failed);
    assert_eq!(f.raw::<u64>(&["LLEN", &f.keys.attempts(id)]).await, 1);
}

#[tokio::test]
async fn indexes_forget_what_is_gone() {
    let f = Fixture::start().await;
    let mut add = redis::pipe();
    for n in 0..50 {
        add.zadd(f.keys.done(QUEUE), format!("old-{n}"), n).ignore();
        add.zadd(f.keys.dead(QUEUE), format!("old-{n}"), n).ignore();
    }
    f.pool.query::<()>(&add).await.unwrap();
    f.enqueue("x").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("e", "m")).await;
    f.take(64).await;
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.done(QUEUE)]).await, 0);
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.dead(QUEUE)]).await, 1);
}

#[tokio::test]
async fn the_oldest_dead_letters_make_room() {
    let f = Fixture::start().await;
    let mut add = redis::pipe();
    let now = crate::clock::unix_ms();
    for n in 0..100_000_u64 {
        add.zadd(f.keys.dead(QUEUE), format!("old-{n:06}"), now - 200_000 + n).ignore();
    }
    f.pool.query::<()>(&add).await.unwrap();
    f.raw::<String>(&["SET", "{test}:job:old-000000", "kept until now"]).await;
    f.enqueue("x").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("e", "m")).await;
    assert!(f.raw::<u64>(&["ZCARD", &f.keys.dead(QUEUE)]).await <= 100_000);
    assert_eq!(f.raw::<u64>(&["EXISTS", "{test}:job:old-000000"]).await, 0);
    assert_eq!(f.view(job.id).await.state, JobState::Failed);
}
