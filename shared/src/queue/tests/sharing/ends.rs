//! What the end of a job means for those that follow it.

use super::{Fixture, Meeting, QUEUE, text};
use crate::{
    job::{JobError, JobId, JobState, Kind, Priority, QueueName},
    queue::{Cancelled, tests::fixture::Echo},
};

/// A leader that runs, and `count` that follow it.
async fn led(f: &Fixture, count: usize) -> (crate::queue::take::TakenJob, Vec<JobId>) {
    f.wants("a", "leader", Meeting::New).await;
    let job = f.take_one().await;
    let mut followers = Vec::new();
    for n in 0..count {
        followers.push(f.wants("a", &format!("follower-{n}"), Meeting::Joined).await);
    }
    assert!(f.take(1).await.is_empty(), "they are in no line");
    (job, followers)
}

/// Nothing is left of what holds a group together.
async fn assert_nothing_left(f: &Fixture) {
    for pattern in ["*:followers:*", "*:releases:*"] {
        assert_eq!(f.exist(pattern).await, 0, "{pattern}");
    }
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.deadlines(QUEUE)]).await, 0);
    assert_eq!(f.bytes(QUEUE).await, 0);
}

#[tokio::test]
async fn followers_have_the_leaders_result_however_many_they_are() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 200).await;
    f.complete(&job).await;
    // One step sees to 64; takes that bring nothing see to the rest.
    for _ in 0..4 {
        assert!(f.take(1).await.is_empty());
    }
    for id in followers {
        let view = f.view(id).await;
        assert_eq!((view.state, view.attempts, view.from_cache), (JobState::Completed, 0, false));
        assert_eq!(view.result.unwrap().get(), r#""done""#);
    }
    assert_eq!(f.exist("*:result:*").await, 1);
    assert_nothing_left(&f).await;
}

#[tokio::test]
async fn followers_wait_through_retries_and_have_the_leaders_failure_in_the_end() {
    let f = Fixture::start().await;
    let (mut job, followers) = led(&f, 2).await;
    for _ in 0..2 {
        f.end(&job, &JobError::retry("down", "It is down")).await;
        assert_eq!(f.view(followers[0]).await.state, JobState::Waiting);
        job = f.take_one().await;
        assert_eq!(job.id, f.view(job.id).await.id);
    }
    f.end(&job, &JobError::retry("down", "It is down")).await;
    for id in followers {
        let view = f.view(id).await;
        assert_eq!((view.state, view.failure.unwrap().code.as_str()), (JobState::Failed, "down"));
        assert_eq!(f.raw::<String>(&["HGET", &f.keys.job(id), "payload"]).await, r#"{"say":"a"}"#);
    }
    assert_nothing_left(&f).await;
}

#[tokio::test]
async fn a_follower_takes_over_with_what_was_done_when_the_leader_is_cancelled() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 3).await;
    f.context(&job).checkpoint("part-0", "kept", 50).await.unwrap();
    assert_eq!(f.queue.cancel(QueueName::Ai, job.id).await.unwrap(), Cancelled::Done);
    let next = f.take_one().await;
    assert_eq!(next.id, followers[0]);
    assert_eq!(f.context(&next).checkpoints().await.unwrap()["part-0"], "kept");
    assert!(f.take(1).await.is_empty(), "one at a time");
    f.wants("a", "late", Meeting::Joined).await;
    f.complete(&next).await;
    for id in &followers[1..] {
        assert_eq!(f.view(*id).await.state, JobState::Completed);
    }
    assert_eq!(f.view(job.id).await.state, JobState::Cancelled);
    assert_nothing_left(&f).await;
}

#[tokio::test]
async fn a_leader_past_its_own_deadline_says_nothing_about_the_work() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 1).await;
    f.raw::<u64>(&["ZADD", &f.keys.deadlines(QUEUE), "1", &job.id.to_string()]).await;
    assert_eq!(f.take_one().await.id, followers[0]);
    assert_eq!(f.view(job.id).await.failure.unwrap().code, "deadline_exceeded");
}

#[tokio::test]
async fn a_follower_ends_by_itself_where_it_must() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 3).await;
    assert_eq!(f.queue.cancel(QueueName::Ai, followers[0]).await.unwrap(), Cancelled::Done);
    f.raw::<u64>(&["ZADD", &f.keys.deadlines(QUEUE), "1", &followers[1].to_string()]).await;
    f.take(1).await;
    f.complete(&job).await;
    let mut states = Vec::new();
    for id in &followers {
        states.push(f.view(*id).await.state);
    }
    assert_eq!(states, [JobState::Cancelled, JobState::Failed, JobState::Completed]);
    assert_eq!(f.queue.cancel(QueueName::Ai, followers[2]).await.unwrap(), Cancelled::Ended(JobState::Completed));
    assert_eq!(f.queue.cancel(QueueName::Ai, JobId::new()).await.unwrap(), Cancelled::Unknown);
    assert_nothing_left(&f).await;
}

#[tokio::test]
async fn a_leader_that_is_gone_leaves_its_followers_to_the_next_one() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 2).await;
    f.raw::<u64>(&["DEL", &f.keys.job(job.id)]).await;
    let next = f.request(&text("a", "kim")).await.unwrap();
    assert_eq!(next.meeting, Meeting::New);
    let taken = f.take_one().await;
    assert_eq!(taken.id, next.id);
    f.complete(&taken).await;
    for id in followers {
        assert_eq!(f.view(id).await.state, JobState::Completed);
    }
}

#[tokio::test]
async fn followers_of_a_leader_that_is_gone_need_no_new_request() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 1).await;
    f.raw::<u64>(&["DEL", &f.keys.job(job.id)]).await;
    f.raw::<u64>(&["ZADD", &f.keys.leases(QUEUE), "1", &job.id.to_string()]).await;
    assert_eq!(f.take_one().await.id, followers[0]);
}

#[tokio::test]
async fn keys_of_another_type_stand_in_nobodys_way() {
    let f = Fixture::start().await;
    let (job, followers) = led(&f, 1).await;
    for pattern in ["*:content:*", "*:repeat:*"] {
        for key in f.raw::<Vec<String>>(&["KEYS", pattern]).await {
            f.raw::<u64>(&["DEL", &key]).await;
            f.raw::<u64>(&["SADD", &key, "other"]).await;
        }
    }
    f.complete(&job).await;
    assert_eq!(f.view(followers[0]).await.state, JobState::Completed);
    for key in f.raw::<Vec<String>>(&["KEYS", "*:repeat:*"]).await {
        f.raw::<u64>(&["DEL", &key]).await;
        f.raw::<u64>(&["SADD", &key, "other"]).await;
    }
    f.wants("a", "leader", Meeting::Cached).await;
}

#[tokio::test]
async fn an_ended_job_that_stands_in_line_does_not_run_again() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    f.complete(&job).await;
    let line = f.keys.waiting(QUEUE, &<Echo as Kind>::lane(), Priority::Interactive);
    f.raw::<u64>(&["ZADD", &line, "0", &id.to_string()]).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!((f.view(id).await.state, f.raw::<u64>(&["ZCARD", &line]).await), (JobState::Completed, 0));
}
