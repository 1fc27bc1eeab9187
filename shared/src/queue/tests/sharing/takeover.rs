//! A leader that ends for a reason of its own: the next follower does the work.

use crate::{
    job::{JobId, JobState, QueueName},
    queue::{
        Cancelled, Meeting,
        tests::fixture::{Fixture, QUEUE},
    },
};

impl Fixture {
    /// The only job that may be taken is `next`, and its result is everybody's.
    async fn goes_on_with(&self, next: JobId, others: &[JobId], what: &str) {
        let jobs = self.take(5).await;
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [next], "{what}: one call at a time");
        let joined = self.ask_poem("zoe", "spring").await;
        assert_eq!(joined.meeting, Meeting::Joined, "{what}: it leads");
        self.complete_with(&jobs[0], "leaves").await;
        for id in [next, joined.id].iter().chain(others) {
            assert_eq!(self.result_of(*id).await, "leaves", "{what}");
        }
        assert!(self.keys_like("*followers*").await.is_empty(), "{what}");
        assert_eq!(self.count(&self.keys.deadlines(QUEUE)).await, 0, "{what}");
    }
}

#[tokio::test]
async fn the_next_follower_takes_over_and_the_others_follow_it() {
    for what in ["deadline", "deadline while active", "corrupt", "cancel", "cancel while active"] {
        let f = Fixture::start().await;
        let leader = f.lead("ada", "spring").await;
        let next = f.follow("bob", "spring").await;
        let last = f.follow("eve", "spring").await;
        if what.ends_with("active") {
            assert_eq!(f.take_one().await.id, leader);
        }
        match what {
            "corrupt" => drop(f.raw::<u64>(&["HDEL", &f.keys.job(leader), "fence"]).await),
            _ if what.starts_with("deadline") => f.pass_deadline(leader).await,
            _ => assert_eq!(f.queue.cancel(QueueName::Ai, leader).await.unwrap(), Cancelled::Done),
        }
        if what == "corrupt" {
            assert!(f.take(1).await.is_empty(), "this take buries it");
        }
        f.goes_on_with(next, &[last], what).await;
        let state = if what.starts_with("cancel") { JobState::Cancelled } else { JobState::Failed };
        assert_eq!(f.view(leader).await.state, state, "{what}");
    }
}

#[tokio::test]
async fn a_leader_that_is_gone_leaves_nobody_behind() {
    for what in ["deleted", "deleted while active", "a string", "a string while active"] {
        let f = Fixture::start().await;
        let leader = f.lead("ada", "spring").await;
        let next = f.follow("bob", "spring").await;
        let last = f.follow("eve", "spring").await;
        if what.ends_with("active") {
            f.take_and_lapse().await;
        }
        f.raw::<u64>(&["DEL", &f.keys.job(leader)]).await;
        if what.starts_with("a string") {
            f.raw::<String>(&["SET", &f.keys.job(leader), "x"]).await;
        }
        if !what.ends_with("active") {
            assert!(f.take(1).await.is_empty(), "{what}: this take finds out");
        }
        f.goes_on_with(next, &[last], what).await;
    }
}

#[tokio::test]
async fn who_asks_before_anybody_has_seen_that_the_leader_is_gone_leads_all() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    f.raw::<u64>(&["DEL", &f.keys.job(leader)]).await;
    let next = f.lead("eve", "spring").await;
    f.goes_on_with(next, &[follower], "a new leader").await;
}

#[tokio::test]
async fn followers_whose_leader_was_forgotten_join_who_has_begun_anew() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let old = f.take_one().await;
    let leads = f.keys_like("*:leader:*").await;
    f.raw::<u64>(&["DEL", &leads[0]]).await;
    let anew = f.lead("eve", "spring").await;
    f.queue.cancel(QueueName::Ai, leader).await.unwrap();
    assert_eq!(f.queue.cancel(QueueName::Ai, old.id).await.unwrap(), Cancelled::Ended(JobState::Cancelled));
    f.goes_on_with(anew, &[follower], "one call at a time").await;
}

#[tokio::test]
async fn a_follower_goes_on_from_where_the_leader_has_come() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let next = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    f.context(&job).checkpoint("part-0", "paid for", 40).await.unwrap();
    f.queue.cancel(QueueName::Ai, leader).await.unwrap();
    let job = f.take_one().await;
    assert!(job.id == next && job.resumed && job.attempt == 1);
    assert_eq!(f.context(&job).checkpoints().await.unwrap()["part-0"], "paid for");
    f.complete(&job).await;
    assert!(f.keys_like("*checkpoints*").await.is_empty());
}

#[tokio::test]
async fn a_follower_that_ends_by_itself_leaves_the_others() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    let overdue = f.follow("bob", "spring").await;
    let unwanted = f.follow("eve", "spring").await;
    let patient = f.follow("joe", "spring").await;
    let job = f.take_one().await;
    f.pass_deadline(overdue).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.code_of(overdue).await, "deadline_exceeded");
    assert_eq!(f.queue.cancel(QueueName::Ai, unwanted).await.unwrap(), Cancelled::Done);
    assert_eq!(f.count(&f.keys.followers(job.id)).await, 1);
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.result_of(patient).await, "leaves");
    assert_eq!(f.view(unwanted).await.state, JobState::Cancelled);
}
