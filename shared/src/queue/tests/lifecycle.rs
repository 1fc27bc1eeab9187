//! A job's way through its states.

use std::time::Duration;

use super::fixture::{Echo, Fixture, QUEUE, jobs_config};
use crate::{
    config::JobsConfig,
    job::{JobError, JobState},
    queue::{
        EnqueueError, NewJob,
        settle::Settled,
        take::{TakeSettings, Taken, Wait},
    },
};

#[tokio::test]
async fn a_job_is_accepted_taken_and_completed() {
    let f = Fixture::start().await;
    let id = f.enqueue("hello").await;
    assert_eq!(f.view(id).await.state, JobState::Waiting);

    let job = f.take_one().await;
    assert_eq!((job.id, job.attempt, job.max_attempts, job.resumed), (id, 1, 3, false));
    assert_eq!(job.payload, br#"{"say":"hello"}"#);
    assert_eq!(f.view(id).await.state, JobState::Active);
    assert!(f.take(1).await.is_empty(), "a leased job is nobody else's");

    assert_eq!(f.complete(&job).await, Settled::Done);
    let view = f.view(id).await;
    assert_eq!((view.state, view.progress, view.attempts, view.user.as_str()), (JobState::Completed, 100, 1, "ada"));
    assert_eq!(view.result.unwrap().get(), r#""done""#);
    assert!(view.finished_at_ms.unwrap() >= view.created_at_ms);
}

#[tokio::test]
async fn what_an_ended_job_needed_is_gone_and_the_rest_has_an_end() {
    let f = Fixture::start().await;
    for say in ["completed", "failed"] {
        f.enqueue(say).await;
    }
    let jobs = f.take(2).await;
    f.context(&jobs[0]).checkpoint("a", "1", 50).await.unwrap();
    f.complete(&jobs[0]).await;
    f.end(&jobs[1], &JobError::fail("broken", "It broke")).await;

    let payload = async |n: usize| f.raw::<String>(&["HGET", &f.keys.job(jobs[n].id), "payload"]).await;
    assert_eq!((payload(0).await.as_str(), payload(1).await.as_str()), ("", r#"{"say":"failed"}"#));
    assert!(f.raw::<Vec<String>>(&["KEYS", "*:checkpoints:*"]).await.is_empty());
    let lane = Echo::lane();
    assert_eq!(
        f.keys_without_ttl().await,
        [
            f.keys.dead(QUEUE),
            f.keys.done(QUEUE),
            f.keys.order(QUEUE),
            f.keys.shares(QUEUE, Priority::Interactive),
            f.keys.wake(QUEUE, &lane)
        ]
    );
}

use crate::job::{Kind, Priority};

#[tokio::test]
async fn an_old_fence_changes_nothing_and_a_repeated_settle_is_no_error() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    let stale = f.take_and_lapse().await;
    let holder = f.take_one().await;
    assert!(holder.fence > stale.fence);

    for error in [JobError::retry("e", "m"), JobError::fail("e", "m"), JobError::snooze(Duration::ZERO, "e", "m")] {
        assert_eq!(f.end(&stale, &error).await, Settled::Stale);
    }
    assert_eq!(f.view(id).await.state, JobState::Active);

    assert_eq!(f.complete(&holder).await, Settled::Done);
    assert_eq!(f.complete(&holder).await, Settled::Done, "its answer may have been lost");
    assert_eq!(f.complete(&stale).await, Settled::Stale);
    assert!(f.context(&stale).checkpoint("a", "1", 10).await.is_err());
}

#[tokio::test]
async fn the_result_of_an_old_holder_ends_a_job_that_has_not_ended() {
    let f = Fixture::start().await;
    // It waits again, it waits for its time, or someone else has it.
    for (what, waits, has) in [("waiting", true, false), ("scheduled", false, false), ("active", false, true)] {
        let id = f.enqueue(what).await;
        let stale = f.take_and_lapse().await;
        if waits {
            // Any worker's take gives it back to the line.
            let stranger = TakeSettings { lanes: vec!["other@1".to_owned()], ..f.settings.clone() };
            f.take_as("stranger", 1, &stranger).await;
        } else {
            let holder = f.take_one().await;
            f.context(&stale).checkpoint("a", "old", 10).await.unwrap();
            f.context(&holder).checkpoint("a", "new", 10).await.unwrap();
            f.context(&stale).checkpoint("a", "old", 10).await.unwrap();
            assert_eq!(f.raw::<String>(&["HGET", &f.keys.checkpoints(id), "a"]).await, "new", "{what}");
            if !has {
                f.end(&holder, &JobError::retry_after(Duration::from_mins(1), "e", "m")).await;
            }
        }
        assert_eq!(f.view(id).await.state.as_str(), what);
        assert_eq!(f.complete(&stale).await, Settled::Late, "{what}");
        assert_eq!(f.complete(&stale).await, Settled::Done, "{what}: its answer may have been lost");
        assert_eq!(f.view(id).await.state, JobState::Completed, "{what}");
        assert!(f.take(1).await.is_empty(), "{what}: it is in no line any more");
        for index in [f.keys.leases(QUEUE), f.keys.scheduled(QUEUE), f.keys.deadlines(QUEUE)] {
            assert_eq!(f.raw::<u64>(&["ZCARD", &index]).await, 0, "{what}: {index}");
        }
        for of_job in [f.keys.attempts(id), f.keys.checkpoints(id)] {
            assert_eq!(f.raw::<u64>(&["EXISTS", &of_job]).await, 0, "{what}: {of_job}");
        }
    }
}

#[tokio::test]
async fn a_failing_job_is_a_dead_letter_after_its_attempts() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    for attempt in 1..=3 {
        let job = f.take_one().await;
        assert_eq!(job.attempt, attempt);
        f.end(&job, &JobError::retry("upstream_down", "It is down").with_source("connection refused")).await;
    }
    let view = f.view(id).await;
    assert_eq!((view.state, view.attempts), (JobState::Failed, 3));
    assert_eq!(view.failure.unwrap().code, "upstream_down");
    assert!(f.take(1).await.is_empty());

    let attempts: Vec<String> = f.raw(&["LRANGE", &f.keys.attempts(id), "0", "-1"]).await;
    assert_eq!(attempts.len(), 3);
    let first: serde_json::Value = serde_json::from_str(&attempts[0]).unwrap();
    assert_eq!(
        (&first["attempt"], &first["worker"], &first["code"], &first["error"]),
        (
            &1.into(),
            &"by-hand".into(),
            &"upstream_down".into(),
            &"upstream_down: It is down: connection refused".into()
        )
    );
    assert!(first["ended"].as_u64() >= first["started"].as_u64());
}

#[tokio::test]
async fn permanent_failures_and_cancels_end_at_once() {
    let f = Fixture::start().await;
    let (broken, unwanted) = (f.enqueue("broken").await, f.enqueue("unwanted").await);
    let jobs = f.take(2).await;
    f.end(&jobs[0], &JobError::fail("rejected", "No")).await;
    f.end(&jobs[1], &JobError::cancel("cancelled", "By request")).await;
    assert_eq!((f.view(broken).await.state, f.view(broken).await.attempts), (JobState::Failed, 1));
    assert_eq!(f.view(unwanted).await.state, JobState::Cancelled);
    assert_eq!(f.raw::<Vec<String>>(&["ZRANGE", &f.keys.dead(QUEUE), "0", "-1"]).await, [broken.to_string()]);
}

#[tokio::test]
async fn a_snooze_uses_no_attempt() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    for _ in 0..5 {
        let job = f.take_one().await;
        assert_eq!(job.attempt, 1);
        f.end(&job, &JobError::snooze(Duration::ZERO, "busy", "Later")).await;
    }
    assert_eq!((f.view(id).await.state, f.view(id).await.attempts), (JobState::Waiting, 0));
}

#[tokio::test]
async fn jobs_go_in_the_order_of_their_acceptance_and_those_of_others_wait() {
    let f = Fixture::start().await;
    let mut accepted = Vec::new();
    for n in 0..10 {
        accepted.push(f.enqueue(&n.to_string()).await);
    }
    let mut stranger = f.settings.clone();
    stranger.lanes = vec!["echo@2".to_owned(), "other@1".to_owned()];
    let Taken::Wait(Wait::Idle(Some(after))) = f.take_as("r1", 10, &stranger).await else { panic!("none is known") };
    assert!(after > jobs_config().deadline() / 2, "only the deadlines bring it something: {after:?}");

    let mut knows_more = f.settings.clone();
    knows_more.lanes.push("echo@2".to_owned());
    let Taken::Jobs(first, _) = f.take_as("r2", 4, &knows_more).await else { panic!("jobs wait") };
    let rest = f.take(10).await;
    let taken: Vec<_> = first.iter().chain(&rest).map(|job| job.id).collect();
    assert_eq!(taken, accepted);
}

#[tokio::test]
async fn a_take_of_large_jobs_brings_no_more_than_a_network_carries() {
    let f = Fixture::start().await;
    let large = "x".repeat(400_000);
    for _ in 0..5 {
        f.enqueue(&large).await;
    }
    assert_eq!(f.take(5).await.len(), 3, "the third one is beyond a megabyte");
    assert_eq!(f.take(5).await.len(), 2);
    f.enqueue(&"x".repeat(3_000_000)).await;
    assert_eq!(f.take(5).await.len(), 1, "one is always brought, however large");
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 2, ..jobs_config() }).await;
    f.enqueue("1").await;
    let held = f.take_one().await;
    f.enqueue("2").await;
    let third = f.queue.enqueue(&NewJob::new(Echo { say: "3".to_owned() }, "ada")).await;
    assert!(matches!(third, Err(EnqueueError::Full { unfinished: 2 })));
    f.complete(&held).await;
    f.enqueue("3").await;
}

#[tokio::test]
async fn checkpoints_outlive_a_retry_and_progress_never_goes_back() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    assert!(f.context(&job).checkpoints().await.unwrap().is_empty());
    f.context(&job).checkpoint("chunk-0", "first", 40).await.unwrap();
    f.context(&job).checkpoint("chunk-1", "second", 20).await.unwrap();
    assert_eq!(f.view(id).await.progress, 40);
    f.end(&job, &JobError::retry("e", "m")).await;

    let again = f.take_one().await;
    assert!(again.resumed);
    let checkpoints = f.context(&again).checkpoints().await.unwrap();
    assert_eq!(
        checkpoints.into_iter().collect::<Vec<_>>(),
        [("chunk-0".to_owned(), "first".to_owned()), ("chunk-1".to_owned(), "second".to_owned())]
    );
}
