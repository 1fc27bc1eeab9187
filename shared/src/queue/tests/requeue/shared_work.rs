//! A letter whose work others want, too: it is not paid for twice.

use std::time::Duration;

use super::super::{
    fixture::{Fixture, QUEUE},
    sharing::poem,
};
use crate::{
    dead_letter::Requeued,
    job::{JobError, JobState},
    queue::{Meeting, NewJob},
};

#[tokio::test]
async fn it_leads_its_work_again() {
    let f = Fixture::start().await;
    let id = f.lead("ada", "spring").await;
    f.take_and_fail("refused").await;
    assert_eq!(f.requeue(id).await, Requeued::Moved);
    let follower = f.follow("bob", "spring").await;
    let again = f.ask_poem("ada", "spring").await;
    assert_eq!((again.meeting, again.id), (Meeting::Known, id), "her own job is known as hers");
    let job = f.take_one().await;
    assert_eq!(job.id, id);
    f.complete_with(&job, "leaves").await;
    for id in [id, follower] {
        assert_eq!(f.result_of(id).await, "leaves");
    }
    assert!(f.take(1).await.is_empty());
}

#[tokio::test]
async fn it_follows_who_does_the_work_now() {
    let f = Fixture::start().await;
    let id = f.lead("ada", "spring").await;
    f.take_and_fail("refused").await;
    let leader = f.lead("bob", "spring").await;
    assert_eq!(f.requeue(id).await, Requeued::Joined);
    assert_eq!(f.view(id).await.state, JobState::Waiting);
    let job = f.take_one().await;
    assert_eq!(job.id, leader);
    assert!(f.take(1).await.is_empty());
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.result_of(id).await, "leaves");
    assert_eq!((f.bytes().await.0, f.count(&f.keys.deadlines(QUEUE)).await), (0, 0));
}

#[tokio::test]
async fn it_follows_its_users_own_job_that_is_done_anew() {
    let f = Fixture::start().await;
    let id = f.lead("ada", "spring").await;
    f.take_and_fail("refused").await;
    let fresh = f.accept(&NewJob { fresh: true, ..poem("ada", "spring") }).await;
    assert_eq!(f.requeue(id).await, Requeued::Joined);
    let job = f.take_one().await;
    assert_eq!(job.id, fresh);
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.result_of(id).await, "leaves");
}

#[tokio::test]
async fn what_was_done_meanwhile_is_its_result() {
    let f = Fixture::start().await;
    let listed = |job| NewJob { listed: true, ..job };
    let id = f.accept(&listed(poem("ada", "spring"))).await;
    f.take_and_fail("refused").await;
    f.lead("bob", "spring").await;
    let job = f.take_one().await;
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.requeue(id).await, Requeued::Answered);
    let view = f.view(id).await;
    assert!(view.from_cache && view.failure.is_none());
    assert_eq!((f.result_of(id).await.as_str(), f.dead().await), ("leaves", 0));
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.ask_poem("ada", "spring").await.id, id, "it is her job for this work");
    assert_eq!(f.keys_like("*attempts*").await, Vec::<String>::new());
    let counts = f.users().detail("ada").await.unwrap().activity.counts;
    assert_eq!((counts.accepted, counts.failed, counts.completed), (1, 0, 1));
    assert!(!f.keys_without_ttl().await.contains(&f.keys.job(id)));
}

#[tokio::test]
async fn what_must_be_done_anew_is() {
    let f = Fixture::start().await;
    let fresh = NewJob { fresh: true, ..poem("ada", "spring") };
    f.lead("bob", "spring").await;
    let job = f.take_one().await;
    f.complete_with(&job, "old leaves").await;
    let id = f.accept(&fresh).await;
    f.take_and_fail("refused").await;
    assert_eq!(f.requeue(id).await, Requeued::Moved);
    let again = f.take_one().await;
    f.complete_with(&again, "new leaves").await;
    assert_eq!(f.result_of(id).await, "new leaves");
}

#[tokio::test]
async fn those_that_failed_with_their_leader_follow_whichever_comes_back_first() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    f.take_and_fail("refused").await;
    assert_eq!(f.dead().await, 2);
    assert_eq!(f.requeue(follower).await, Requeued::Moved);
    assert_eq!(f.requeue(leader).await, Requeued::Joined);
    let job = f.take_one().await;
    assert_eq!(job.id, follower);
    assert!(f.take(1).await.is_empty());
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.result_of(leader).await, "leaves");
}

#[tokio::test]
async fn those_that_still_wait_for_its_end_are_seen_to_first() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let mut followers = Vec::new();
    for n in 0..150 {
        followers.push(f.follow(&format!("user {n}"), "spring").await);
    }
    f.take_and_fail("refused").await;
    assert_eq!(f.requeue(leader).await, Requeued::Later, "one step sees to 64, as the end itself did");
    assert_eq!(f.requeue(leader).await, Requeued::Moved);
    assert_eq!(f.dead().await, 150, "all of them have failed with it");
    for id in followers {
        assert_eq!(f.code_of(id).await, "refused");
        assert_eq!(f.requeue(id).await, Requeued::Joined);
    }
    let job = f.take_one().await;
    assert_eq!(job.id, leader);
    assert!(f.take(1).await.is_empty());
}

#[tokio::test]
async fn who_took_over_at_its_deadline_is_followed() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::retry_after(Duration::from_mins(1), "down", "Down")).await;
    f.pass_deadline(leader).await;
    let next = f.take_one().await;
    assert_eq!(next.id, follower);
    assert_eq!(f.requeue(leader).await, Requeued::Joined);
    f.complete_with(&next, "leaves").await;
    assert_eq!(f.result_of(leader).await, "leaves");
}
