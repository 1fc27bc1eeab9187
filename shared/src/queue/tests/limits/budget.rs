//! The budget, from the acceptance of a job to its end.

use super::{FREE, Fixture, ended};
use crate::{
    budget::{Billing, Budget, Limit, Limits as BudgetLimits, Spend},
    job::{JobError, JobId, Kind, QueueName},
    limiter::Limits,
    queue::{CallEnd, Ending, EnqueueError, NewJob, tests::fixture::allowance},
};

/// A job that sends something upstream.
#[derive(serde::Serialize, serde::Deserialize)]
struct Lesson {
    tokens: u32,
}

impl Kind for Lesson {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;

    fn tokens(&self) -> u32 {
        self.tokens
    }
}

async fn fixture(limits: BudgetLimits) -> Fixture {
    let mut f = Fixture::limited(Limits { rpm: 100, ..FREE }).await;
    f.queue = f.queue.clone().with_budget(allowance(limits));
    f
}

impl Fixture {
    async fn ask_for(&self, user: &str) -> Result<JobId, EnqueueError> {
        self.queue.enqueue(&NewJob::new(Lesson { tokens: 100 }, user)).await.map(|accepted| accepted.id)
    }

    /// Tokens spent and held of a user.
    async fn spend_of(&self, user: &str) -> (u64, u64) {
        let budget = Budget::new(self.pool.clone(), self.keys.clone(), BudgetLimits::default());
        let spend = budget.status(Some(user)).await.unwrap().user.unwrap();
        assert_eq!(spend.held_tokens == 0, spend.held_micros == 0);
        (spend.tokens, spend.held_tokens)
    }
}

#[tokio::test]
async fn a_job_is_held_to_what_it_may_cost_and_settled_to_what_it_did() {
    let f = fixture(BudgetLimits { user_tokens_per_day: 4_000, ..BudgetLimits::default() }).await;
    f.ask_for("ada").await.unwrap();
    f.ask_for("ada").await.unwrap();
    assert_eq!(f.spend_of("ada").await, (0, 4_000));
    let Err(EnqueueError::OverBudget { limit, anew_at_ms }) = f.ask_for("ada").await else { panic!("it is used up") };
    assert!(limit == "user_tokens" && anew_at_ms > crate::clock::unix_ms());
    f.ask_for("bob").await.unwrap();

    let job = f.ask("a", 1).await.0.remove(0);
    let call = f.begin(&job, 100).await.unwrap();
    call.end(CallEnd { tokens: Some((100, 50)), ..ended(Ending::Ok) }).await;
    assert_eq!(f.spend_of("ada").await, (150, 3_850), "what is spent is not held as well");
    f.complete(&job).await;
    assert_eq!(f.spend_of("ada").await, (150, 2_000));
    assert_eq!(f.spend_of("bob").await, (0, 2_000));
}

#[tokio::test]
async fn a_call_that_timed_out_keeps_its_reservation_as_spent_and_assumed() {
    let f = fixture(BudgetLimits::default()).await;
    let timeout = CallEnd { tokens: Some((100, 500)), assumed: true, ..ended(Ending::Failed) };
    let budget = Budget::new(f.pool.clone(), f.keys.clone(), BudgetLimits::default());
    f.ask_for("ada").await.unwrap();
    let job = f.ask("a", 1).await.0.remove(0);
    // It was not sent, so it cost nothing.
    f.context(&job).call(100).end(timeout).await;
    assert_eq!(f.spend_of("ada").await, (0, 2_000));
    f.end(&job, &JobError::retry("x", "x")).await;

    let job = f.ask("a", 1).await.0.remove(0);
    let call = f.begin(&job, 600).await.unwrap();
    call.end(timeout).await;
    let next = f.context(&job).call(600);
    next.begin().await.unwrap();
    let cached = Billing { cached_tokens: 100, ..Billing::NONE };
    next.end(CallEnd { tokens: Some((100, 50)), billing: cached, ..ended(Ending::Ok) }).await;
    f.complete(&job).await;
    let status = budget.status(Some("ada")).await.unwrap();
    // At 1 and 10 dollars a million.
    let spend = Spend {
        tokens: 600 + 150,
        micros: 5_100 + 600,
        assumed_tokens: 600,
        assumed_micros: 5_100,
        ..Spend::default()
    };
    assert_eq!((status.fleet, status.user), (spend, Some(spend)));
}

#[tokio::test]
async fn every_end_gives_the_hold_back() {
    let f = fixture(BudgetLimits::default()).await;
    for end in ["complete", "fail", "cancel", "request", "retry", "lapse", "deadline"] {
        f.ask_for("ada").await.unwrap();
        let mut job = f.ask("a", 1).await.0.remove(0);
        assert_eq!(f.spend_of("ada").await.1, 2_000, "{end}");
        match end {
            "complete" => drop(f.complete(&job).await),
            "fail" => drop(f.end(&job, &JobError::fail("x", "x")).await),
            "cancel" => drop(f.end(&job, &JobError::cancel("x", "x")).await),
            "request" => drop(f.queue.cancel(QueueName::Ai, job.id).await.unwrap()),
            "retry" => {
                for _ in 0..2 {
                    f.end(&job, &JobError::retry("x", "x")).await;
                    assert_eq!(f.spend_of("ada").await.1, 2_000, "it is not over");
                    job = f.ask("a", 1).await.0.remove(0);
                }
                f.end(&job, &JobError::retry("x", "x")).await;
            }
            "lapse" => {
                // The first loss makes it a suspect, three more a dead letter.
                for _ in 0..4 {
                    f.raw::<u64>(&["ZADD", &f.keys.leases("ai-jobs"), "1", &job.id.to_string()]).await;
                    f.ask("a", 1).await;
                }
            }
            _ => {
                f.raw::<u64>(&["ZADD", &f.keys.deadlines("ai-jobs"), "1", &job.id.to_string()]).await;
                f.ask("a", 1).await;
            }
        }
        assert_eq!(f.spend_of("ada").await.1, 0, "{end}");
    }
}

#[tokio::test]
async fn the_kill_switch_refuses_new_jobs_and_lets_those_that_wait_wait() {
    let f = fixture(BudgetLimits::default()).await;
    f.ask_for("ada").await.unwrap();
    let budget = Budget::new(f.pool.clone(), f.keys.clone(), BudgetLimits::default());
    budget.set_kill_switch(Some("the bill")).await.unwrap();
    assert!(matches!(f.ask_for("ada").await, Err(EnqueueError::Killed { reason }) if reason == "the bill"));
    assert!(f.ask("a", 1).await.0.is_empty());
    budget.set_kill_switch(None).await.unwrap();
    assert_eq!(f.ask("a", 1).await.0[0].attempt, 1);
}

#[tokio::test]
async fn an_operators_limit_wins() {
    let f = fixture(BudgetLimits { fleet_tokens_per_month: 1, ..BudgetLimits::default() }).await;
    assert!(matches!(f.ask_for("ada").await, Err(EnqueueError::OverBudget { limit, .. }) if limit == "fleet_tokens"));
    let budget = Budget::new(f.pool.clone(), f.keys.clone(), BudgetLimits::default());
    budget.set_limit(Limit::FleetTokensPerMonth, Some(2_000)).await.unwrap();
    f.ask_for("ada").await.unwrap();
    assert!(f.ask_for("ada").await.is_err());
}
