//! Who is more urgent takes the work along.

use crate::{
    job::{JobId, Kind, Priority, QueueName},
    queue::{
        Accepted, Meeting, NewJob,
        tests::{
            fixture::{Echo, Fixture, QUEUE},
            sharing::poem,
        },
    },
};

impl Fixture {
    async fn ask_as(&self, user: &str, priority: Priority) -> Accepted {
        self.queue.enqueue(&NewJob { priority, ..poem(user, "spring") }).await.unwrap()
    }

    async fn stands_in(&self, class: Priority) -> Vec<String> {
        self.raw(&["ZRANGE", &self.keys.waiting(QUEUE, &Echo::lane(), class), "0", "-1"]).await
    }

    async fn class_of(&self, id: JobId) -> String {
        self.raw(&["HGET", &self.keys.job(id), "class"]).await
    }
}

#[tokio::test]
async fn a_more_urgent_follower_lifts_the_leader() {
    let f = Fixture::start().await;
    let leader = f.ask_as("ada", Priority::Bulk).await.id;
    assert_eq!(f.ask_as("bob", Priority::Normal).await.meeting, Meeting::Joined);
    assert_eq!(f.stands_in(Priority::Normal).await, [leader.to_string()]);
    f.ask_as("eve", Priority::Bulk).await;
    assert_eq!(f.stands_in(Priority::Normal).await, [leader.to_string()], "nobody pushes it back");
    f.ask_as("joe", Priority::Interactive).await;
    assert_eq!(f.stands_in(Priority::Interactive).await, [leader.to_string()]);
    assert!(f.stands_in(Priority::Normal).await.is_empty() && f.stands_in(Priority::Bulk).await.is_empty());
}

#[tokio::test]
async fn a_more_urgent_repeat_lifts_the_job() {
    let f = Fixture::start().await;
    let id = f.ask_as("ada", Priority::Bulk).await.id;
    assert_eq!(f.ask_as("ada", Priority::Interactive).await.meeting, Meeting::Known);
    assert_eq!(f.stands_in(Priority::Interactive).await, [id.to_string()]);
}

#[tokio::test]
async fn a_more_urgent_repeat_of_a_follower_lifts_its_leader() {
    let f = Fixture::start().await;
    let leader = f.ask_as("ada", Priority::Bulk).await.id;
    let follower = f.ask_as("bob", Priority::Bulk).await.id;
    assert_eq!(f.ask_as("bob", Priority::Interactive).await.id, follower);
    assert_eq!(f.stands_in(Priority::Interactive).await, [leader.to_string()], "and it alone is in line");
    assert_eq!(f.class_of(follower).await, "interactive");
}

#[tokio::test]
async fn a_leader_that_runs_comes_back_as_urgently_as_it_is_wanted() {
    let f = Fixture::start().await;
    let leader = f.ask_as("ada", Priority::Bulk).await.id;
    f.take_and_lapse().await;
    f.ask_as("bob", Priority::Interactive).await;
    assert_eq!((f.take_one().await.id, &*f.class_of(leader).await), (leader, "interactive"));
}

#[tokio::test]
async fn who_takes_over_is_as_urgent_as_the_leader_was() {
    let f = Fixture::start().await;
    let leader = f.ask_as("ada", Priority::Bulk).await.id;
    let next = f.ask_as("bob", Priority::Bulk).await.id;
    f.ask_as("eve", Priority::Interactive).await;
    f.queue.cancel(QueueName::Ai, leader).await.unwrap();
    assert_eq!(f.stands_in(Priority::Interactive).await, [next.to_string()], "eve waits for it");
}

#[tokio::test]
async fn asking_for_what_is_done_moves_nothing() {
    let f = Fixture::start().await;
    let id = f.ask_as("ada", Priority::Bulk).await.id;
    let job = f.take_one().await;
    f.complete(&job).await;
    assert_eq!(f.ask_as("ada", Priority::Interactive).await.id, id);
    assert_eq!(f.class_of(id).await, "bulk");
    assert_eq!(f.count(&f.keys.shares(QUEUE, Priority::Interactive)).await, 0, "and costs no place in line");
}
