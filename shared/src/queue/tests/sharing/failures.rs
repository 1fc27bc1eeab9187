//! A leader that fails, and many followers.

use std::time::Duration;

use crate::{
    job::{JobError, JobState},
    queue::{
        Meeting,
        settle::Settled,
        tests::fixture::{Fixture, QUEUE},
    },
};

#[tokio::test]
async fn followers_fail_as_their_leader_does() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::fail("content_refused", "Not this")).await;
    let view = f.view(follower).await;
    let failure = view.failure.unwrap();
    assert_eq!((view.state, &*failure.code, &*failure.message), (JobState::Failed, "content_refused", "Not this"));
    assert_eq!(f.count(&f.keys.dead(QUEUE)).await, 2);
    assert!(f.take(1).await.is_empty(), "it is not tried once more for each of them");
    assert_eq!(f.ask_poem("bob", "spring").await.meeting, Meeting::New, "who asks anew gets a new try");
}

#[tokio::test]
async fn followers_wait_while_their_leader_is_tried_again() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    f.end(&job, &JobError::retry_after(Duration::from_mins(1), "down", "Down")).await;
    assert_eq!(f.view(follower).await.state, JobState::Waiting);
    f.follow("eve", "spring").await;
    f.raw::<u64>(&["ZADD", &f.keys.scheduled(QUEUE), "XX", "1", &leader.to_string()]).await;
    f.take_and_lapse().await;
    let third = f.take_one().await;
    assert_eq!((third.id, third.attempt), (leader, 2), "a crash uses no attempt");
    f.complete_with(&third, "at last").await;
    assert_eq!(f.result_of(follower).await, "at last");
}

#[tokio::test]
async fn a_leader_whose_worker_is_lost_each_time_fails_them_too() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    // The first loss makes it a suspect, and three more, in which it was the only one, a dead letter.
    for _ in 0..4 {
        f.take_and_lapse().await;
    }
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.code_of(follower).await, "worker_lost");
}

#[tokio::test]
async fn a_late_result_is_everybodys() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let lapsed = f.take_and_lapse().await;
    let second = f.take_one().await;
    assert_eq!(second.id, leader);
    assert_eq!(f.complete_with(&lapsed, "late").await, Settled::Late);
    assert_eq!(f.complete_with(&second, "later").await, Settled::Stale);
    for id in [leader, follower] {
        assert_eq!(f.result_of(id).await, "late");
    }
}

#[tokio::test]
async fn many_followers_are_seen_to_in_steps_by_later_takes() {
    for fails in [false, true] {
        let f = Fixture::start().await;
        f.lead("ada", "spring").await;
        let mut followers = Vec::new();
        for n in 0..150 {
            followers.push(f.follow(&format!("user {n}"), "spring").await);
        }
        let job = f.take_one().await;
        if fails {
            f.end(&job, &JobError::fail("refused", "No")).await;
        } else {
            f.complete_with(&job, "leaves").await;
        }
        let left = async || f.count(&f.keys.followers(job.id)).await;
        assert_eq!(left().await, 150 - 64, "one step sees to 64");
        assert_eq!(f.count("{test}:releases:ai-jobs").await, 1);
        assert_eq!(f.count("{test}:wake:ai-jobs:echo@1").await, 1, "somebody is woken for the rest");
        assert!(f.take(1).await.is_empty());
        assert_eq!(left().await, 150 - 128);
        assert!(f.take(1).await.is_empty());
        assert_eq!((left().await, f.count("{test}:releases:ai-jobs").await), (0, 0));
        for id in followers {
            if fails {
                assert_eq!(f.code_of(id).await, "refused");
            } else {
                assert_eq!(f.result_of(id).await, "leaves");
            }
        }
        assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 0);
        assert_eq!(f.bytes().await.0, 0);
    }
}
