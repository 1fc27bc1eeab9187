//! Only who has the work done pays for it.

use super::{Poem, poem};
use crate::{
    budget::{Budget, Limits},
    job::{JobId, Kind, QueueName},
    queue::{
        Meeting, NewJob,
        tests::fixture::{Fixture, allowance},
    },
};

/// A poem of 100 tokens.
#[derive(serde::Serialize, serde::Deserialize)]
pub(in super::super) struct Sonnet {
    pub(in super::super) say: String,
}

impl Kind for Sonnet {
    const NAME: &'static str = Poem::NAME;
    const VERSION: u32 = Poem::VERSION;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Poem::RECIPE;

    fn tokens(&self) -> u32 {
        100
    }
}

async fn fixture() -> Fixture {
    let mut f = Fixture::start().await;
    let limits = Limits { user_tokens_per_day: 2_000, ..Limits::default() };
    f.queue = f.queue.clone().with_budget(allowance(limits));
    f
}

impl Fixture {
    async fn sonnet(&self, user: &str, say: &str) -> (JobId, Meeting) {
        let job = NewJob::new(Sonnet { say: say.to_owned() }, user);
        let accepted = self.queue.enqueue(&job).await.unwrap();
        (accepted.id, accepted.meeting)
    }

    async fn held_of(&self, user: &str) -> u64 {
        let budget = Budget::new(self.pool.clone(), self.keys.clone(), Limits::default());
        budget.status(Some(user)).await.unwrap().user.unwrap().held_tokens
    }
}

#[tokio::test]
async fn a_follower_and_a_cached_job_hold_nothing() {
    let f = fixture().await;
    f.sonnet("ada", "spring").await;
    let over = NewJob::new(Sonnet { say: "autumn".to_owned() }, "ada");
    assert!(f.queue.enqueue(&over).await.is_err(), "her budget is held");
    assert_eq!(f.sonnet("bob", "spring").await.1, Meeting::Joined);
    assert_eq!((f.held_of("ada").await, f.held_of("bob").await), (2_000, 0));
    let job = f.take_one().await;
    f.complete(&job).await;
    assert_eq!(f.held_of("ada").await, 0);
    assert_eq!(f.sonnet("eve", "spring").await.1, Meeting::Cached);
    assert_eq!(f.held_of("eve").await, 0);
    let fleet = Budget::new(f.pool.clone(), f.keys.clone(), Limits::default()).status(None).await.unwrap();
    assert_eq!(fleet.fleet.held_tokens, 0);
}

#[tokio::test]
async fn a_cancelled_leader_is_held_to_nothing_more() {
    let f = fixture().await;
    let (leader, _) = f.sonnet("ada", "spring").await;
    f.sonnet("bob", "spring").await;
    f.take_one().await;
    f.queue.cancel(QueueName::Ai, leader).await.unwrap();
    assert_eq!(f.held_of("ada").await, 0);
}

#[tokio::test]
async fn what_someone_else_pays_for_may_be_had_by_whoever_has_nothing_left() {
    let f = fixture().await;
    f.sonnet("ada", "autumn").await;
    f.sonnet("bob", "spring").await;
    assert_eq!(f.sonnet("ada", "spring").await.1, Meeting::Joined);
    assert!(f.queue.enqueue(&NewJob { fresh: true, ..poem("eve", "spring") }).await.is_ok());
}
