//! When a letter stays where it is, and what it holds when it does not.

use super::super::fixture::{Echo, Fixture, QUEUE, jobs_config};
use crate::{
    budget::{Allowance, Budget, Limit, Limits},
    config::JobsConfig,
    dead_letter::{Letter, Requeue, Requeued},
    job::{JobError, JobId, JobState, Kind, QueueName},
    queue::NewJob,
};

#[tokio::test]
async fn a_full_queue_takes_back_what_it_has_room_for_in_order() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 2, queue_max_bytes: 800, ..jobs_config() }).await;
    let mut letters = Vec::new();
    for size in [300, 10, 10] {
        f.enqueue(&"x".repeat(size)).await;
        letters.push(Letter { id: f.take_and_fail("refused").await, ended_at_ms: None });
    }
    f.enqueue(&"y".repeat(600)).await;
    let requeue = async || f.dead_letters().requeue(QueueName::Ai, &letters, Requeue::default()).await.unwrap();
    assert_eq!(requeue().await, [Requeued::Full; 3], "its payload has no room, and nobody overtakes it");
    let bytes = f.bytes().await.0;
    assert!((600..700).contains(&bytes), "{bytes}");
    let waiting = f.take_one().await;
    f.complete(&waiting).await;
    assert_eq!(requeue().await, [Requeued::Moved, Requeued::Moved, Requeued::Full]);
    assert_eq!(f.dead().await, 1);
}

#[tokio::test]
async fn the_letters_of_a_suspended_user_stay() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.take_and_fail("refused").await;
    f.users().suspend("ada", "why").await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::Suspended);
    assert_eq!((f.view(id).await.state, f.dead().await), (JobState::Failed, 1));
    f.users().lift_suspension("ada").await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::Moved);
}

/// A job of 100 tokens: it may come to 100 + 1,500 + 400 = 2,000 of them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Essay {
    say: String,
}

impl Kind for Essay {
    const NAME: &'static str = Echo::NAME;
    const VERSION: u32 = Echo::VERSION;
    const QUEUE: QueueName = QueueName::Ai;

    fn tokens(&self) -> u32 {
        100
    }
}

impl Fixture {
    async fn with_allowance() -> (Self, Budget) {
        let mut f = Self::start().await;
        f.queue = f.queue.clone().with_budget(Allowance {
            limits: Limits::default(),
            prices: "model=1/10".parse().unwrap(),
            model: "model".to_owned(),
            chunk_tokens: 1_000,
            max_output_tokens: 400,
        });
        let budget = Budget::new(f.pool.clone(), f.keys.clone(), Limits::default());
        (f, budget)
    }

    async fn essay(&self) -> JobId {
        self.accept(&NewJob::new(Essay { say: "x".to_owned() }, "ada")).await
    }
}

async fn held(budget: &Budget) -> u64 {
    let status = budget.status(Some("ada")).await.unwrap();
    let user = status.user.unwrap();
    assert_eq!((user.held_tokens, user.held_micros), (status.fleet.held_tokens, status.fleet.held_micros));
    assert_eq!(user.held_micros == 0, user.held_tokens == 0);
    user.held_tokens
}

#[tokio::test]
async fn what_it_may_come_to_is_held_anew_until_it_ends() {
    let (f, budget) = Fixture::with_allowance().await;
    let id = f.essay().await;
    assert_eq!(held(&budget).await, 2_000);
    let job = f.take_one().await;
    // As if a call had spent a part of the hold.
    let key = f.keys.job(id);
    for (field, by) in [("held_tokens", "-700"), ("spent_tokens", "700"), ("held_micros", "-5"), ("spent_micros", "5")]
    {
        f.raw::<i64>(&["HINCRBY", &key, field, by]).await;
    }
    f.end(&job, &JobError::fail("refused", "No")).await;
    assert_eq!(f.field(id, "held").await, None);
    f.requeue(id).await;
    let (before, whole) = (held(&budget).await, f.field(id, "held_tokens").await);
    assert_eq!((before, whole.as_deref()), (2_000 + 700, Some("2000")), "700 were never given back by this test");
    let again = f.take_one().await;
    f.complete(&again).await;
    assert_eq!(held(&budget).await, 700);
    for field in ["held", "held_tokens", "held_micros", "spent_tokens", "spent_micros"] {
        assert_eq!(f.field(id, field).await, None, "{field}");
    }
}

#[tokio::test]
async fn a_budget_that_is_used_up_and_the_kill_switch_keep_it() {
    let (f, budget) = Fixture::with_allowance().await;
    let id = f.essay().await;
    f.take_and_fail("refused").await;
    budget.set_limit(Limit::UserTokensPerDay, Some(1_999)).await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::OverBudget);
    budget.set_limit(Limit::UserTokensPerDay, Some(2_000)).await.unwrap();
    budget.set_kill_switch(Some("leak")).await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::Killed);
    assert_eq!((f.dead().await, held(&budget).await, f.count(&f.keys.deadlines(QUEUE)).await), (1, 0, 0));
    budget.set_kill_switch(None).await.unwrap();
    assert_eq!(f.requeue(id).await, Requeued::Moved);
    assert_eq!(held(&budget).await, 2_000);
}
