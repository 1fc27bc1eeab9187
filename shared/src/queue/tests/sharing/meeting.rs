//! What a request meets.

use crate::{
    config::{ContentSharing, JobsConfig},
    job::{JobError, JobState},
    queue::{
        Meeting, NewJob,
        tests::{
            fixture::{Fixture, QUEUE, jobs_config},
            sharing::poem,
        },
    },
};

#[tokio::test]
async fn a_user_who_asks_again_gets_the_same_job_as_long_as_it_is_kept() {
    let f = Fixture::start().await;
    let id = f.lead("ada", "spring").await;
    let again = f.ask_poem("ada", "spring").await;
    assert_eq!((again.id, again.meeting), (id, Meeting::Known));
    let job = f.take_one().await;
    assert_eq!(f.ask_poem("ada", "spring").await.id, id, "while it runs");
    f.complete(&job).await;
    let after = f.ask_poem("ada", "spring").await;
    assert_eq!((after.id, after.meeting), (id, Meeting::Known), "when it is done");
    f.raw::<u64>(&["DEL", &f.keys.job(id)]).await;
    let later = f.ask_poem("ada", "spring").await;
    assert_eq!(later.meeting, Meeting::Cached, "when it is forgotten, its result is there yet");
}

#[tokio::test]
async fn a_job_that_came_to_nothing_is_asked_for_anew() {
    let f = Fixture::start().await;
    let failed = f.lead("ada", "spring").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("rejected", "No")).await;
    let cancelled = f.lead("ada", "spring").await;
    assert_ne!(cancelled, failed);
    let job = f.take_one().await;
    f.end(&job, &JobError::cancel("unwanted", "No")).await;
    assert_ne!(f.lead("ada", "spring").await, cancelled);
}

#[tokio::test]
async fn another_user_joins_and_gets_the_result() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let early = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    let late = f.follow("eve", "spring").await;
    for id in [early, late] {
        assert_eq!(f.view(id).await.state, JobState::Waiting);
        assert!(f.raw::<Option<f64>>(&["ZSCORE", &f.keys.followers(leader), &id.to_string()]).await.is_some());
    }
    assert!(f.take(5).await.is_empty(), "a follower is in no line");
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 3, "and it is unfinished");

    f.complete_with(&job, "leaves").await;
    for id in [leader, early, late] {
        assert_eq!(f.result_of(id).await, "leaves");
        assert!(!f.view(id).await.from_cache, "the work was done for it");
        assert!(f.raw::<i64>(&["PTTL", &f.keys.job(id)]).await > 0);
    }
    assert_eq!(f.view(early).await.attempts, 0, "it never ran");
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 0);
    assert_eq!(f.count(&f.keys.done(QUEUE)).await, 3);
    assert!(f.keys_like("*followers*").await.is_empty());
}

#[tokio::test]
async fn a_follower_who_asks_again_gets_its_own_job() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let again = f.ask_poem("bob", "spring").await;
    assert_eq!((again.id, again.meeting), (follower, Meeting::Known));
    let job = f.take_one().await;
    f.complete(&job).await;
    assert_eq!(f.ask_poem("bob", "spring").await.id, follower);
}

#[tokio::test]
async fn what_was_done_lately_is_answered_at_once() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let job = f.take_one().await;
    f.complete_with(&job, "leaves").await;
    let cached = f.ask_poem("bob", "spring").await;
    assert_eq!(cached.meeting, Meeting::Cached);
    assert_eq!(f.result_of(cached.id).await, "leaves");
    let view = f.view(cached.id).await;
    assert!(view.from_cache && view.progress == 100 && view.finished_at_ms.is_some());
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.ask_poem("bob", "spring").await.id, cached.id, "it is bob's own job from now on");
}

#[tokio::test]
async fn another_text_is_other_work() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    f.lead("bob", "autumn").await;
    assert_eq!(f.take(5).await.len(), 2);
}

#[tokio::test]
async fn what_is_of_its_own_time_is_never_shared() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let delay = std::time::Duration::from_mins(1);
    let later = f.queue.enqueue(&NewJob { delay, ..poem("bob", "spring") }).await.unwrap();
    assert_eq!(later.meeting, Meeting::New);
    assert_eq!(f.view(later.id).await.state, JobState::Scheduled);
}

#[tokio::test]
async fn a_fresh_job_meets_nothing_and_brings_the_newer_answer() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let job = f.take_one().await;
    f.complete_with(&job, "old").await;
    let cached = f.ask_poem("bob", "spring").await;

    let fresh = NewJob { fresh: true, ..poem("ada", "spring") };
    let accepted = f.queue.enqueue(&fresh).await.unwrap();
    assert_eq!(accepted.meeting, Meeting::New);
    assert_ne!(accepted.id, job.id);
    let anew = f.take_one().await;
    assert_eq!(anew.id, accepted.id);
    f.complete_with(&anew, "new").await;

    let after = f.ask_poem("eve", "spring").await;
    assert_eq!((after.meeting, f.result_of(after.id).await.as_str()), (Meeting::Cached, "new"));
    for id in [job.id, cached.id] {
        assert_eq!(f.result_of(id).await, "old", "earlier jobs keep what they had");
    }
}

#[tokio::test]
async fn a_fresh_job_beside_a_running_one_leads_nobody() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let first = f.take_one().await;
    let fresh = f.queue.enqueue(&NewJob { fresh: true, ..poem("ada", "spring") }).await.unwrap();
    let follower = f.follow("bob", "spring").await;
    assert!(f.raw::<Option<f64>>(&["ZSCORE", &f.keys.followers(leader), &follower.to_string()]).await.is_some());
    assert_eq!(f.ask_poem("ada", "spring").await.id, fresh.id, "what she asked for last is hers");
    f.complete_with(&first, "first").await;
    assert_eq!(f.result_of(follower).await, "first");
    let ttl: i64 = f.raw(&["PTTL", &f.repeat_key("ada").await]).await;
    assert!(ttl > 1_000_000, "the end of an older job does not shorten what is known of a newer one: {ttl}");
}

#[tokio::test]
async fn nothing_is_shared_between_users_where_that_is_off() {
    let f = Fixture::with_jobs(JobsConfig { content_sharing: ContentSharing::PerUser, ..jobs_config() }).await;
    let own = f.lead("ada", "spring").await;
    f.lead("bob", "spring").await;
    assert_eq!(f.ask_poem("ada", "spring").await.id, own);
    for job in f.take(2).await {
        f.complete(&job).await;
    }
    f.lead("eve", "spring").await;
    f.raw::<u64>(&["DEL", &f.keys.job(own)]).await;
    assert_eq!(f.ask_poem("ada", "spring").await.meeting, Meeting::Cached, "her own result answers for her");
}

impl Fixture {
    async fn repeat_key(&self, user: &str) -> String {
        let keys = self.keys_like(&format!("*:repeat:*:{user}")).await;
        keys.into_iter().next().expect("the user has asked")
    }
}
