//! One request, however often it is sent.

use super::poem;
use crate::{
    job::{JobError, JobId, JobState, Priority},
    queue::{
        Accepted, EnqueueError, Meeting, NewJob,
        tests::fixture::{Echo, Fixture},
    },
};

fn named(key: &str, user: &str, say: &str) -> NewJob<Echo> {
    let idempotency_key = Some(key.to_owned());
    NewJob { idempotency_key, ..NewJob::new(Echo { say: say.to_owned() }, user) }
}

impl Fixture {
    async fn send(&self, key: &str, user: &str, say: &str) -> Accepted {
        self.queue.enqueue(&named(key, user, say)).await.unwrap()
    }
}

fn is_known(accepted: Accepted, id: JobId) -> bool {
    accepted == Accepted { id, meeting: Meeting::Known }
}

#[tokio::test]
async fn a_request_that_is_repeated_is_the_same_job_whatever_became_of_it() {
    let f = Fixture::start().await;
    let completed = f.send("k", "ada", "x").await.id;
    assert!(is_known(f.send("k", "ada", "x").await, completed));
    let job = f.take_one().await;
    assert!(is_known(f.send("k", "ada", "x").await, completed));
    f.complete(&job).await;
    assert!(is_known(f.send("k", "ada", "x").await, completed));

    let failed = f.send("l", "ada", "x").await.id;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("e", "m")).await;
    assert!(is_known(f.send("l", "ada", "x").await, failed), "a failed one, too");
    assert_eq!(f.view(failed).await.state, JobState::Failed);
    assert!(f.take(1).await.is_empty());
}

#[tokio::test]
async fn a_job_that_is_no_longer_kept_is_asked_for_anew() {
    let f = Fixture::start().await;
    let first = f.send("k", "ada", "x").await;
    f.raw::<u64>(&["DEL", &f.keys.job(first.id)]).await;
    let second = f.send("k", "ada", "x").await;
    assert_eq!(second.meeting, Meeting::New);
    assert!(is_known(f.send("k", "ada", "x").await, second.id));
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let f = Fixture::start().await;
    f.send("k", "ada", "x").await;
    let other = f.queue.enqueue(&named("k", "ada", "y")).await;
    assert!(matches!(other, Err(EnqueueError::KeyReused)), "{other:?}");
    let less_urgent = NewJob { priority: Priority::Bulk, ..named("k", "ada", "x") };
    assert!(matches!(f.queue.enqueue(&less_urgent).await, Err(EnqueueError::KeyReused)));
    assert_eq!(f.take(5).await.len(), 1);
}

#[tokio::test]
async fn a_key_of_a_request_for_old_cards_is_none_for_fresh_ones() {
    let f = Fixture::start().await;
    let fresh = |key: &str| NewJob { fresh: true, ..named(key, "ada", "x") };
    f.send("k", "ada", "x").await;
    let again = f.queue.enqueue(&fresh("k")).await;
    assert!(matches!(again, Err(EnqueueError::KeyReused)), "{again:?}");
    let first = f.queue.enqueue(&fresh("l")).await.unwrap();
    assert!(is_known(f.queue.enqueue(&fresh("l")).await.unwrap(), first.id));
    let cached = f.queue.enqueue(&named("l", "ada", "x")).await;
    assert!(matches!(cached, Err(EnqueueError::KeyReused)), "{cached:?}");
}

#[tokio::test]
async fn a_key_is_one_users() {
    let f = Fixture::start().await;
    let hers = f.send("k", "ada", "x").await;
    let his = f.send("k", "bob", "y").await;
    assert_eq!(his.meeting, Meeting::New);
    assert_ne!(hers.id, his.id);
}

#[tokio::test]
async fn a_key_names_what_the_request_met() {
    let f = Fixture::start().await;
    let with_key = |user: &str| NewJob { idempotency_key: Some("k".to_owned()), ..poem(user, "spring") };
    let leader = f.lead("ada", "spring").await;
    assert!(is_known(f.queue.enqueue(&with_key("ada")).await.unwrap(), leader), "her job was there");
    let joined = f.queue.enqueue(&with_key("bob")).await.unwrap();
    assert_eq!(joined.meeting, Meeting::Joined);
    assert!(is_known(f.queue.enqueue(&with_key("bob")).await.unwrap(), joined.id));
    let job = f.take_one().await;
    f.complete(&job).await;
    let cached = f.queue.enqueue(&with_key("eve")).await.unwrap();
    assert_eq!(cached.meeting, Meeting::Cached);
    assert!(is_known(f.queue.enqueue(&with_key("eve")).await.unwrap(), cached.id));
}

#[tokio::test]
async fn a_request_that_was_refused_may_be_sent_again() {
    let jobs = crate::config::JobsConfig { queue_max_waiting: 1, ..super::super::fixture::jobs_config() };
    let f = Fixture::with_jobs(jobs).await;
    f.enqueue("first").await;
    assert!(matches!(f.queue.enqueue(&named("k", "ada", "x")).await, Err(EnqueueError::Full { .. })));
    let job = f.take_one().await;
    f.complete(&job).await;
    assert_eq!(f.send("k", "ada", "x").await.meeting, Meeting::New);
}
