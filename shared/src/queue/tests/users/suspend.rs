//! A user who is suspended asks in vain.

use std::time::Duration;

use super::{
    super::fixture::{Echo, Fixture},
    of_api,
};
use crate::{
    job::JobState,
    queue::{EnqueueError, JobFilter, Meeting, NewJob, tests::sharing::poem},
    request_limits::RequestLimit,
    users::SuspendError,
};

fn refused<T>(answer: &Result<T, EnqueueError>) -> bool {
    matches!(answer, Err(EnqueueError::Suspended))
}

#[tokio::test]
async fn no_way_into_the_queue_is_left_until_it_is_lifted() {
    let f = Fixture::start().await;
    let keyed = NewJob { idempotency_key: Some("tap".to_owned()), ..of_api(poem("ada", "before")) };
    let before = f.queue.enqueue(&keyed).await.unwrap();
    f.shared_of("bob", "of bob").await;
    let suspended = f.users().suspend("ada", "Too many, too fast").await.unwrap();
    let shown = f.users().detail("ada").await.unwrap().suspension;
    assert_eq!(shown.as_ref(), Some(&suspended));

    // New work, work of someone else, the own work that is there, listed or not, urgent or not.
    for job in [poem("ada", "new"), poem("ada", "of bob"), poem("ada", "before"), of_api(poem("ada", "new"))] {
        assert!(refused(&f.queue.enqueue(&job).await), "{job:?}");
        assert!(refused(&f.queue.enqueue(&NewJob { fresh: true, ..job }).await));
    }
    let plain = NewJob::new(Echo { say: "x".to_owned() }, "ada");
    assert!(refused(&f.queue.enqueue(&plain).await));
    let other_key = NewJob { idempotency_key: Some("other".to_owned()), ..of_api(poem("ada", "before")) };
    assert!(refused(&f.queue.enqueue(&other_key).await));
    // What was accepted under a key is answered: it starts nothing.
    let again = f.queue.enqueue(&keyed).await.unwrap();
    assert_eq!((again.id, again.meeting), (before.id, Meeting::Known));

    // What was accepted before runs on, and may be read.
    let job = f.take_one().await;
    assert_eq!(job.id, before.id);
    f.complete_with(&job, "roses").await;
    assert_eq!(f.queue.jobs_of("ada", &JobFilter { most: 9, ..JobFilter::default() }).await.unwrap().jobs.len(), 1);
    assert!(refused(&f.queue.enqueue(&poem("ada", "before")).await), "not even what is there already");
    assert_eq!(f.shared_of("bob", "before").await.meeting, Meeting::Cached, "nobody else is refused");
    let activity = f.activity("ada").await;
    assert_eq!((activity.counts.refused, activity.counts.accepted), (3, 1), "as far as they are listed");
    assert_eq!(activity.last_refusal.unwrap().code, "suspended");

    f.users().lift_suspension("ada").await.unwrap();
    assert_eq!(f.shared_of("ada", "new").await.meeting, Meeting::New);
    assert_eq!(f.users().detail("ada").await.unwrap().suspension, None);
}

#[tokio::test]
async fn a_suspended_user_uses_up_no_limit() {
    let f = Fixture::start().await;
    let limit = |name, subject: &str| RequestLimit {
        name,
        subject: subject.to_owned(),
        most: 1,
        window: Duration::from_mins(1),
    };
    let submit = async |user: &str, say| {
        let limits = [limit("user-ai", user), limit("address-ai", "::1")];
        f.queue.submit(&of_api(poem(user, say)), &limits).await.unwrap()
    };
    f.users().suspend("ada", "").await.unwrap();
    for _ in 0..3 {
        let refused = submit("ada", "a").await;
        assert!(matches!(refused.outcome, Err(EnqueueError::Suspended)) && refused.counted.over.is_none());
    }
    assert!(submit("bob", "b").await.outcome.is_ok(), "the school has its turn");
    assert_eq!(submit("bob", "c").await.counted.over, Some(0));
}

#[tokio::test]
async fn a_suspension_does_not_lapse_and_keeps_its_time() {
    let f = Fixture::start().await;
    let first = f.users().suspend("Zoë: \"z\"", "one").await.unwrap();
    f.raw::<u64>(&["HSET", "{test}:suspended", "Zoë: \"z\"", "17 one"]).await;
    let second = f.users().suspend("Zoë: \"z\"", "another one").await.unwrap();
    assert!(first.since_ms > 17);
    assert_eq!((second.since_ms, second.reason.as_str()), (17, "another one"));
    assert_eq!(f.raw::<i64>(&["PTTL", "{test}:suspended"]).await, -1);
    assert_eq!(f.users().overview(None, 1).await.unwrap().suspended, 1);
}

#[tokio::test]
async fn as_many_as_can_be_are_suspended_and_no_more() {
    let f = Fixture::start().await;
    let fill = "for i = 1, 10000 do redis.call('HSET', KEYS[1], 'user' .. i, '1 x') end";
    f.raw::<redis::Value>(&["EVAL", fill, "1", "{test}:suspended"]).await;
    assert!(matches!(f.users().suspend("ada", "").await, Err(SuspendError::Full)));
    f.users().suspend("user1", "still").await.unwrap();
    f.users().lift_suspension("user1").await.unwrap();
    f.users().suspend("ada", "").await.unwrap();
}

#[tokio::test]
async fn what_was_accepted_before_is_cancelled_where_that_is_wanted() {
    let f = Fixture::start().await;
    let ids = [f.of_user("ada", "1").await, f.of_user("ada", "2").await];
    let bob = f.shared_of("bob", "of both").await.id;
    f.shared_of("ada", "of both").await;
    f.take_one().await;
    assert_eq!(f.users().cancel_jobs("ada").await.unwrap(), 3);
    assert_eq!(f.users().cancel_jobs("ada").await.unwrap(), 0);
    for id in ids {
        assert_eq!(f.view(id).await.state, JobState::Cancelled);
    }
    assert_eq!(f.view(bob).await.state, JobState::Waiting);
}
