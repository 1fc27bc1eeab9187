//! How a fleet waits for permits.

use std::time::Duration;

use super::{FREE, Fixture, GUARD, WINDOW};
use crate::{
    job::Kind,
    limiter::Limits,
    queue::{take::Wait, tests::fixture::Echo},
};

async fn fixture(rpm: u64) -> Fixture {
    let f = Fixture::limited(Limits { rpm, ..FREE }).await;
    f.enqueue_many(20).await;
    f
}

#[tokio::test]
async fn one_worker_waits_for_the_time_and_the_others_until_they_are_woken() {
    let f = fixture(2).await;
    let (jobs, wait) = f.ask("a", 9).await;
    assert!(jobs.len() == 2 && matches!(wait, Some(Wait::Booked(_))), "booked in the same step");
    for worker in ["b", "c", "b"] {
        assert_eq!(f.ask(worker, 9).await, (vec![], Some(Wait::Woken)));
    }
    assert!(matches!(f.ask("a", 9).await.1, Some(Wait::Booked(_))), "it stays booked");
}

#[tokio::test]
async fn a_booked_worker_that_does_not_come_is_replaced() {
    let f = fixture(1).await;
    assert!(matches!(f.ask("a", 9).await.1, Some(Wait::Booked(_))));
    assert_eq!(f.ask("b", 9).await.1, Some(Wait::Woken));
    f.let_pass(WINDOW + GUARD).await;
    let (jobs, wait) = f.ask("b", 9).await;
    assert_eq!(jobs.len(), 1, "the permit is anyone's");
    assert_eq!(wait, Some(Wait::Woken), "the booking holds for a moment longer");
    f.let_pass(Duration::from_secs(1)).await;
    assert!(matches!(f.ask("b", 9).await.1, Some(Wait::Booked(_))));
}

#[tokio::test]
async fn a_full_worker_is_not_booked_and_wakes_another() {
    let f = fixture(1).await;
    let wake = f.keys.wake("ai-jobs", &Echo::lane());
    f.raw::<u64>(&["DEL", &wake]).await;
    let (jobs, wait) = f.ask("a", 1).await;
    assert_eq!((jobs.len(), wait), (1, None), "no slot is free: there is nothing to wait for");
    assert_eq!(f.raw::<u64>(&["EXISTS", &wake]).await, 1);
    f.raw::<u64>(&["DEL", &wake]).await;
    assert!(matches!(f.ask("b", 1).await.1, Some(Wait::Booked(_))));
    assert_eq!(f.raw::<u64>(&["EXISTS", &wake]).await, 0, "nobody else is needed");
}

#[tokio::test]
async fn what_time_brings_about_is_not_forgotten_while_nothing_may_run() {
    let f = fixture(1).await;
    f.ask("a", 9).await;
    let overdue = f.enqueue("late").await;
    f.raw::<u64>(&["ZADD", &f.keys.deadlines("ai-jobs"), "1", &overdue.to_string()]).await;
    assert!(f.ask("a", 9).await.0.is_empty());
    assert!(!f.view(overdue).await.state.is_final(), "a refused take is a cheap one");
    f.raw::<i64>(&["HINCRBY", &f.keys.limiter(&Fixture::group()), "passed", "-1000"]).await;
    assert!(f.ask("a", 9).await.0.is_empty());
    assert!(f.view(overdue).await.state.is_final());
}
