//! What a request meets.

use std::time::Duration;

use super::{EnqueueError, Fixture, JobsConfig, Meeting, NewJob, QUEUE, jobs_config, text};
use crate::{
    config::ContentSharing,
    job::{JobError, JobState, Priority},
};

#[tokio::test]
async fn a_repeat_is_the_same_job_until_that_has_failed() {
    let f = Fixture::start().await;
    let first = f.wants("a", "ada", Meeting::New).await;
    assert_eq!(f.wants("a", "ada", Meeting::Known).await, first);
    let job = f.take_one().await;
    assert_eq!(f.wants("a", "ada", Meeting::Known).await, first);
    f.complete(&job).await;
    assert_eq!(f.wants("a", "ada", Meeting::Known).await, first);
    assert!(f.take(1).await.is_empty());

    f.wants("b", "ada", Meeting::New).await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("e", "m")).await;
    assert_ne!(f.wants("b", "ada", Meeting::New).await, job.id, "failed work starts anew");
}

#[tokio::test]
async fn finished_work_answers_others_at_once_and_is_kept_once() {
    let f = Fixture::start().await;
    let leader = f.wants("a", "ada", Meeting::New).await;
    let job = f.take_one().await;
    f.complete(&job).await;
    let answered = f.wants("a", "eve", Meeting::Cached).await;
    let view = f.view(answered).await;
    assert_eq!((view.state, view.from_cache, view.user.as_str()), (JobState::Completed, true, "eve"));
    assert_eq!(view.result.unwrap().get(), f.view(leader).await.result.unwrap().get());
    assert_eq!((f.exist("*:result:*").await, f.exist("*:content:*").await), (1, 1));
    assert_eq!(f.wants("a", "eve", Meeting::Known).await, answered);
    // Long after the leader's job is gone, its result still answers.
    f.raw::<u64>(&["DEL", &f.keys.job(leader)]).await;
    f.wants("a", "ada", Meeting::Cached).await;
}

#[tokio::test]
async fn fresh_work_meets_nothing_and_answers_from_then_on() {
    let f = Fixture::start().await;
    let first = f.wants("a", "ada", Meeting::New).await;
    let fresh = NewJob { fresh: true, ..text("a", "ada") };
    let second = f.request(&fresh).await.unwrap();
    assert_eq!(second.meeting, Meeting::New);
    let jobs = f.take(2).await;
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [first, second.id]);
    f.settle(&jobs[0], &crate::queue::outcome::Outcome::Complete(super::super::fixture::raw("old"))).await;
    f.settle(&jobs[1], &crate::queue::outcome::Outcome::Complete(super::super::fixture::raw("new"))).await;
    let answered = f.wants("a", "eve", Meeting::Cached).await;
    assert_eq!(f.view(answered).await.result.unwrap().get(), r#""new""#);
    assert_eq!(f.view(first).await.result.unwrap().get(), r#""old""#, "what a job came to does not change");
}

#[tokio::test]
async fn nothing_passes_between_users_where_it_must_not() {
    let jobs = JobsConfig { content_sharing: ContentSharing::PerUser, ..jobs_config() };
    let f = Fixture::with_jobs(jobs).await;
    f.wants("a", "ada", Meeting::New).await;
    f.wants("a", "eve", Meeting::New).await;
    f.wants("a", "eve", Meeting::Known).await;
    for job in f.take(2).await {
        f.complete(&job).await;
    }
    f.wants("a", "kim", Meeting::New).await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_request_of_its_user() {
    let f = Fixture::start().await;
    let keyed =
        |say: &str, user: &str| NewJob { fresh: true, idempotency_key: Some("k".to_owned()), ..text(say, user) };
    let first = f.request(&keyed("a", "ada")).await.unwrap();
    let again = f.request(&keyed("a", "ada")).await.unwrap();
    assert_eq!((again.id, again.meeting), (first.id, Meeting::Known));
    assert!(matches!(f.request(&keyed("b", "ada")).await, Err(EnqueueError::KeyReused)));
    assert_eq!(f.request(&keyed("b", "eve")).await.unwrap().meeting, Meeting::New);
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("e", "m")).await;
    assert_eq!(f.request(&keyed("a", "ada")).await.unwrap().id, first.id, "whatever has become of it");
}

#[tokio::test]
async fn the_oldest_results_make_room_and_a_cache_that_is_off_answers_nobody() {
    let f = Fixture::with_jobs(JobsConfig { cache_max_bytes: 13, ..jobs_config() }).await;
    for say in ["a", "b", "c"] {
        f.wants(say, "ada", Meeting::New).await;
        let job = f.take_one().await;
        // Six bytes each.
        f.complete(&job).await;
    }
    assert_eq!(f.bytes("results").await, 12);
    f.wants("c", "eve", Meeting::Cached).await;
    f.wants("a", "eve", Meeting::New).await;
    f.wants("a", "ada", Meeting::Known).await;

    let off = Fixture::with_jobs(JobsConfig { content_cache_ttl_seconds: 0, ..jobs_config() }).await;
    off.wants("a", "ada", Meeting::New).await;
    let job = off.take_one().await;
    off.complete(&job).await;
    off.wants("a", "eve", Meeting::New).await;
    assert_eq!((off.bytes("results").await, off.exist("*:cached").await), (0, 0));
}

#[tokio::test]
async fn results_that_no_longer_answer_are_not_counted() {
    let f = Fixture::start().await;
    f.wants("a", "ada", Meeting::New).await;
    let job = f.take_one().await;
    f.complete(&job).await;
    assert_eq!(f.bytes("results").await, 6);
    let member: Vec<String> = f.raw(&["ZRANGE", "{test}:cached", "0", "0"]).await;
    f.raw::<u64>(&["ZADD", "{test}:cached", "1", &member[0]]).await;
    f.take(1).await;
    assert_eq!((f.bytes("results").await, f.exist("*:content:*").await), (0, 0));
}

#[tokio::test]
async fn someone_more_urgent_lifts_the_job_that_does_the_work() {
    let f = Fixture::start().await;
    let bulk = NewJob { priority: Priority::Bulk, ..text("a", "ada") };
    let leader = f.request(&bulk).await.unwrap().id;
    for n in 0..10 {
        f.enqueue(&n.to_string()).await;
    }
    f.wants("a", "eve", Meeting::Joined).await;
    let taken: Vec<_> = f.take(11).await.iter().map(|job| job.id).collect();
    let place = taken.iter().position(|id| *id == leader).unwrap();
    assert!(place <= 1, "eve's share is due at once: {place}");
}

#[tokio::test]
async fn what_unfinished_jobs_are_made_of_is_bounded_and_adds_up() {
    let one = serde_json::to_vec(&text("a", "x").payload).unwrap().len() as u64;
    let f = Fixture::with_jobs(JobsConfig { queue_max_bytes: 3 * one, ..jobs_config() }).await;
    f.wants("a", "ada", Meeting::New).await;
    f.wants("a", "eve", Meeting::Joined).await;
    let third = f.wants("b", "ada", Meeting::New).await;
    assert!(matches!(f.request(&text("c", "ada")).await, Err(EnqueueError::Full { unfinished: 3 })));
    assert_eq!((f.bytes(QUEUE).await, f.exist("*:repeat:*").await), (3 * one, 3), "nothing of a refused job stays");
    f.queue.cancel(crate::job::QueueName::Ai, third).await.unwrap();
    assert_eq!(f.bytes(QUEUE).await, 2 * one);
    f.wants("c", "ada", Meeting::New).await;
    let jobs = f.take(2).await;
    f.complete(&jobs[0]).await;
    f.end(&jobs[1], &JobError::fail("e", "m")).await;
    assert_eq!(f.bytes(QUEUE).await, 0);
    let later = NewJob { delay: Duration::from_secs(1), ..text("a", "kim") };
    assert_eq!(f.request(&later).await.unwrap().meeting, Meeting::New, "a delayed job is of its own time");
}
