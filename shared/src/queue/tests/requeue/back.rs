//! What a job is like that was put back.

use futures_util::StreamExt;

use super::super::fixture::{Echo, Fixture, QUEUE, jobs_config};
use crate::{
    config::JobsConfig,
    dead_letter::{Letter, Purged, Requeue, Requeued},
    job::{JobError, JobState, Kind, QueueName},
    queue::NewJob,
};

#[tokio::test]
async fn it_waits_with_all_that_it_had_and_ends_well() {
    let f = Fixture::start().await;
    let text = "x".repeat(300);
    let id = f.enqueue(&text).await;
    let bytes = f.bytes().await.0;
    let job = f.take_one().await;
    f.context(&job).checkpoint("part", "1", 40).await.unwrap();
    f.end(&job, &JobError::fail("refused", "No")).await;
    assert_eq!((f.bytes().await.0, f.dead().await), (0, 1));
    let mut lasting = f.keys_without_ttl().await;
    assert!(!lasting.contains(&f.keys.job(id)), "{lasting:?}");

    assert_eq!(f.requeue(id).await, Requeued::Moved);
    let view = f.view(id).await;
    assert_eq!((view.state, view.attempts, view.progress, view.failure), (JobState::Waiting, 1, 40, None));
    assert_eq!(view.finished_at_ms, None);
    assert_eq!((f.bytes().await.0, f.dead().await, f.count(&f.keys.deadlines(QUEUE)).await), (bytes, 0, 1));
    lasting = f.keys_without_ttl().await;
    for key in [f.keys.job(id), f.keys.checkpoints(id), f.keys.attempts(id)] {
        assert!(lasting.contains(&key), "{key} would go before the job ends");
    }
    assert_eq!(f.field(id, "requeued").await.as_deref(), Some("1"));
    assert_eq!(f.requeue(id).await, Requeued::Elsewhere);

    let again = f.take_one().await;
    assert_eq!((again.id, again.attempt, again.max_attempts, again.resumed), (id, 2, 3, true));
    f.complete(&again).await;
    assert_eq!(f.view(id).await.state, JobState::Completed);
    assert_eq!((f.bytes().await.0, f.keys_like("*attempts*").await.len()), (0, 0));
}

#[tokio::test]
async fn whose_attempts_are_used_up_has_one_more_or_all_anew() {
    for (reset_attempts, attempt, max) in [(false, 4, 4), (true, 1, 3)] {
        let f = Fixture::start().await;
        let id = f.enqueue("x").await;
        for _ in 0..3 {
            let job = f.take_one().await;
            f.end(&job, &JobError::retry("down", "Down")).await;
        }
        assert_eq!(f.code_of(id).await, "down");
        assert_eq!(f.requeue_with(id, Requeue { reset_attempts }).await, Requeued::Moved);
        let job = f.take_one().await;
        assert_eq!((job.attempt, job.max_attempts), (attempt, max));
        assert_eq!(f.raw::<u64>(&["LLEN", &f.keys.attempts(id)]).await, 3, "what went wrong before is still known");
    }
}

#[tokio::test]
async fn who_died_at_the_deadline_has_a_new_one() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.pass_deadline(id).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.code_of(id).await, "deadline_exceeded");
    assert_eq!(f.requeue(id).await, Requeued::Moved);
    assert_eq!(f.take_one().await.id, id);
}

#[tokio::test]
async fn subscribers_and_an_idle_worker_hear_of_it() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.take_and_fail("refused").await;
    let wake = f.keys.wake(QUEUE, &Echo::lane());
    f.raw::<u64>(&["DEL", &wake]).await;
    let mut subscriber = f.pool.subscriber().await.unwrap();
    subscriber.subscribe(f.keys.events(id)).await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::Moved);
    let heard = subscriber.on_message().next().await.unwrap();
    assert_eq!(heard.get_payload::<String>().unwrap(), "waiting");
    assert_eq!(f.count(&wake).await, 1);
}

#[tokio::test]
async fn it_stands_behind_those_who_waited() {
    let f = Fixture::start().await;
    let first = f.enqueue("first").await;
    f.take_and_fail("refused").await;
    let second = f.enqueue("second").await;
    f.requeue(first).await;
    assert_eq!([f.take_one().await.id, f.take_one().await.id], [second, first]);
}

#[tokio::test]
async fn what_it_was_counted_for_is_taken_back() {
    let f = Fixture::start().await;
    let job = NewJob { listed: true, ..NewJob::new(Echo { say: "x".to_owned() }, "ada") };
    let id = f.accept(&job).await;
    f.take_and_fail("refused").await;
    let counts = async || {
        let counts = f.users().detail("ada").await.unwrap().activity.counts;
        let today = f.users().overview(None, 1).await.unwrap().today.counts;
        assert_eq!((counts.failed, counts.completed), (today.failed, today.completed));
        (counts.accepted, counts.failed, counts.completed)
    };
    assert_eq!(counts().await, (1, 1, 0));
    f.requeue(id).await;
    assert_eq!(counts().await, (1, 0, 0));
    let again = f.take_one().await;
    f.complete(&again).await;
    assert_eq!(counts().await, (1, 0, 1));
}

#[tokio::test]
async fn of_a_letter_without_a_job_nothing_is_left() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.take_and_lapse().await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("refused", "No")).await;
    f.raw::<u64>(&["DEL", &f.keys.job(id)]).await;
    assert_eq!(f.requeue(id).await, Requeued::Gone);
    assert_eq!((f.dead().await, f.keys_like("*attempts*").await.len()), (0, 0));
}

#[tokio::test]
async fn a_letter_that_died_anew_is_another_one() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.take_and_fail("refused").await;
    let seen = Letter { id, ended_at_ms: f.view(id).await.finished_at_ms };
    f.requeue(id).await;
    f.take_and_fail("refused").await;
    f.raw::<u64>(&["ZADD", &f.keys.dead(QUEUE), "XX", "5", &id.to_string()]).await;
    let letters = f.dead_letters();
    assert_eq!(letters.requeue(QueueName::Ai, &[seen], Requeue::default()).await.unwrap(), [Requeued::Elsewhere]);
    assert_eq!(letters.purge(QueueName::Ai, &[seen]).await.unwrap(), [Purged::Elsewhere]);
    let now = Letter { id, ended_at_ms: Some(5) };
    assert_eq!(letters.purge(QueueName::Ai, &[now]).await.unwrap(), [Purged::Purged]);
    assert!(f.queue.job(id).await.unwrap().is_none());
    assert_eq!((f.dead().await, f.keys_like(&format!("*{id}*")).await), (0, Vec::new()));
}

#[tokio::test]
async fn two_at_once_move_each_letter_once() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 1_000, ..jobs_config() }).await;
    let mut letters = Vec::new();
    for n in 0..300 {
        f.enqueue(&n.to_string()).await;
        letters.push(Letter { id: f.take_and_fail("refused").await, ended_at_ms: None });
    }
    let all = async || {
        let mut back = 0;
        for some in letters.chunks(7) {
            let seen = f.dead_letters().requeue(QueueName::Ai, some, Requeue::default()).await.unwrap();
            back += seen.iter().filter(|seen| seen.is_back()).count();
        }
        back
    };
    let (one, other) = tokio::join!(all(), all());
    assert_eq!(one + other, 300);
    for letter in &letters {
        assert_eq!(f.field(letter.id, "requeued").await.as_deref(), Some("1"));
    }
    assert_eq!((f.dead().await, f.count(&f.keys.deadlines(QUEUE)).await), (0, 300));
}
