//! The worker as it runs: wake-ups, panics, stops.

use std::time::Duration;

use super::{
    fixture::{Echo, Fixture, QUEUE},
    limits::{FREE, upstream},
    running::{PATIENCE, Running, until_idle, worker_config},
};
use crate::{
    budget::{Budget, Limit, Limits as BudgetLimits, Prices},
    config::WorkerConfig,
    job::{JobState, Kind, Priority},
    limiter::{Upstream, vouch},
    queue::NewJob,
};

#[tokio::test]
async fn an_idle_worker_is_woken_by_a_job_and_not_by_polling() {
    let f = Fixture::start().await;
    let worker = Running::start(&f, &worker_config());
    for _ in 0..3 {
        until_idle(&f, 1).await;
        let id = f.enqueue("hello").await;
        assert_eq!(worker.end_of(id).await.result.unwrap().get(), r#""hello""#);
    }
    // The worker hears after everybody else that a job has ended.
    let stats = worker.stats.clone();
    worker.stop().await;
    assert_eq!((stats.succeeded(), stats.failed(), stats.running()), (3, 0, 0));
}

#[tokio::test]
async fn one_job_wakes_one_worker() {
    let f = Fixture::start().await;
    let workers = [Running::start(&f, &worker_config()), Running::start(&f, &worker_config())];
    let mut called = Vec::new();
    // The first job makes Redis learn the scripts.
    for say in ["first", "second"] {
        until_idle(&f, 2).await;
        called.push(script_calls(&f).await);
        let id = f.enqueue(say).await;
        workers[0].end_of(id).await;
    }
    until_idle(&f, 2).await;
    // Enqueue, take, settle, and the take that finds nothing more: the other worker sleeps on.
    assert_eq!(script_calls(&f).await - called[1], 4);
    for worker in workers {
        worker.stop().await;
    }
}

async fn script_calls(f: &Fixture) -> u64 {
    let info: String = f.raw(&["INFO", "commandstats"]).await;
    let calls = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.split(',').next()?.parse().ok());
    calls("cmdstat_evalsha:calls=").unwrap_or(0)
}

#[tokio::test]
async fn a_burst_on_an_idle_fleet_is_shared_out() {
    let f = Fixture::start().await;
    let config = WorkerConfig { worker_concurrency: 1, ..worker_config() };
    let mut workers = [Running::start(&f, &config), Running::start(&f, &config)];
    until_idle(&f, 2).await;
    let ids = [f.enqueue("hold").await, f.enqueue("hold").await];
    let started = [workers[0].next_start().await, workers[1].next_start().await];
    assert!(ids.iter().all(|id| started.contains(id)), "each worker runs one of them");
    for worker in &workers {
        worker.gate.add_permits(1);
    }
    for id in ids {
        workers[0].end_of(id).await;
    }
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_panic_fails_its_attempt_and_neither_the_worker_nor_its_slots() {
    let f = Fixture::start().await;
    let worker = Running::start(&f, &WorkerConfig { worker_concurrency: 2, ..worker_config() });
    let mut panicking = Vec::new();
    for _ in 0..4 {
        panicking.push(f.enqueue("panic").await);
    }
    for id in panicking {
        let view = worker.end_of(id).await;
        assert_eq!((view.state, view.attempts), (JobState::Failed, 3));
        let failure = view.failure.unwrap();
        assert_eq!((&*failure.code, &*failure.message), ("handler_panicked", "The attempt ended in a panic"));
        let stored: Vec<String> = f.raw(&["HVALS", &f.keys.job(id)]).await;
        assert!(stored.iter().all(|value| !value.contains("learner")), "{stored:?}");
    }
    let id = f.enqueue("still here").await;
    assert_eq!(worker.end_of(id).await.state, JobState::Completed);
    assert_eq!(worker.stats.failed(), 12);
    worker.stop().await;
}

#[tokio::test]
async fn an_undecodable_payload_is_buried_with_its_reason() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.raw::<u64>(&["HSET", &f.keys.job(id), "payload", r#"{"say": 7}"#]).await;
    let worker = Running::start(&f, &worker_config());
    let view = worker.end_of(id).await;
    assert_eq!((view.state, view.attempts), (JobState::Failed, 3));
    assert_eq!(view.failure.unwrap().code, "undecodable_payload");
    worker.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_what_runs_and_takes_nothing_more() {
    let f = Fixture::start().await;
    let mut worker = Running::start(&f, &worker_config());
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(f.enqueue("hold").await);
    }
    for _ in 0..16 {
        worker.next_start().await;
    }
    worker.lifecycle.drain().cancel();
    worker.gate.add_permits(20);
    worker.stop().await;
    let mut states = Vec::new();
    for id in ids {
        states.push(f.view(id).await.state);
    }
    assert_eq!(states.iter().filter(|state| **state == JobState::Completed).count(), 16);
    assert_eq!(states.iter().filter(|state| **state == JobState::Waiting).count(), 4);
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.leases(QUEUE)]).await, 0);
}

#[tokio::test]
async fn leaving_gives_running_jobs_back_at_once_and_costs_no_attempt() {
    let f = Fixture::start().await;
    let mut worker = Running::start(&f, &worker_config());
    let id = f.enqueue("hold").await;
    worker.next_start().await;
    worker.lifecycle.leave().cancel();
    worker.stop().await;
    let view = f.view(id).await;
    assert_eq!((view.state, view.attempts), (JobState::Waiting, 0));
    assert_eq!(f.take_one().await.attempt, 1);
}

#[tokio::test]
async fn an_attempt_whose_job_has_ended_elsewhere_is_ended() {
    let f = Fixture::start().await;
    let config = WorkerConfig { lease_seconds: 1, ..worker_config() };
    let mut worker = Running::start(&f, &config);
    let id = f.enqueue("hold").await;
    worker.next_start().await;
    // Nobody says so.
    f.raw::<u64>(&["HSET", &f.keys.job(id), "state", "cancelled"]).await;
    tokio::time::timeout(PATIENCE, async {
        while worker.stats.running() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the renewal tells");
    assert_eq!(worker.stats.processed(), 0);
    worker.stop().await;
}

#[tokio::test]
async fn a_lease_is_renewed_while_its_job_runs() {
    let f = Fixture::start().await;
    let config = WorkerConfig { lease_seconds: 1, ..worker_config() };
    let mut worker = Running::start(&f, &config);
    let id = f.enqueue("hold").await;
    worker.next_start().await;
    let lease_end = async || f.raw::<f64>(&["ZSCORE", &f.keys.leases(QUEUE), &id.to_string()]).await;
    let first = lease_end().await;
    tokio::time::timeout(PATIENCE, async {
        while lease_end().await < first + 1_500.0 {
            assert!(f.take(1).await.is_empty(), "nobody else gets the job");
        }
    })
    .await
    .expect("the lease is pushed back again and again");
    worker.gate.add_permits(1);
    assert_eq!(worker.end_of(id).await.attempts, 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_paused_redis_ends_nothing() {
    let f = Fixture::start().await;
    let mut worker = Running::start(&f, &WorkerConfig { fallback_poll_ms: 100, ..worker_config() });
    let held = f.enqueue("hold").await;
    worker.next_start().await;
    f.raw::<String>(&["CLIENT", "PAUSE", "2500", "ALL"]).await;
    worker.gate.add_permits(1);
    assert_eq!(worker.end_of(held).await.attempts, 1);
    let next = f.enqueue("after").await;
    assert_eq!(worker.end_of(next).await.state, JobState::Completed);
    worker.stop().await;
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_sent_again() {
    let f = Fixture::start().await;
    let worker = Running::start(&f, &worker_config());
    until_idle(&f, 1).await;
    f.raw::<String>(&["SCRIPT", "FLUSH"]).await;
    let id = f.enqueue("x").await;
    assert_eq!(worker.end_of(id).await.state, JobState::Completed);
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_works_through_what_is_due_however_much_and_whosever_it_is() {
    let f = Fixture::start().await;
    let mut due = redis::pipe();
    for n in 0..2_000 {
        due.zadd(f.keys.scheduled(QUEUE), format!("ghost-{n}"), 1).ignore();
    }
    f.pool.query::<()>(&due).await.unwrap();
    let later = NewJob { delay: Duration::from_hours(1), ..NewJob::new(Echo { say: "behind".to_owned() }, "ada") };
    let behind = f.accept(&later).await;
    f.raw::<u64>(&["ZADD", &f.keys.scheduled(QUEUE), "XX", "2", &behind.to_string()]).await;

    // A slot at a time: each take moves few of them, and brings no job.
    let worker = Running::start(&f, &WorkerConfig { worker_concurrency: 1, ..worker_config() });
    assert_eq!(worker.end_of(behind).await.state, JobState::Completed);
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_ends_overdue_jobs_that_it_does_not_know() {
    let f = Fixture::start().await;
    let mut overdue = Vec::new();
    for _ in 0..100 {
        let id = f.enqueue("x").await;
        f.raw::<u64>(&["ZREM", &f.keys.waiting(QUEUE, &Echo::lane(), Priority::Interactive), &id.to_string()]).await;
        f.raw::<u64>(&["ZADD", &f.keys.deadlines(QUEUE), "1", &id.to_string()]).await;
        overdue.push(id);
    }
    let worker = Running::start(&f, &WorkerConfig { worker_concurrency: 1, ..worker_config() });
    for id in overdue {
        assert_eq!(worker.end_of(id).await.failure.unwrap().code, "deadline_exceeded");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_whose_model_has_no_price_takes_no_jobs_while_money_is_limited() {
    let f = Fixture::start().await;
    vouch(&f.pool, &f.keys).await.unwrap();
    let budget = Budget::new(f.pool.clone(), f.keys.clone(), BudgetLimits::default());
    budget.set_limit(Limit::FleetMicrosPerMonth, Some(1_000_000)).await.unwrap();
    let id = f.enqueue("echo").await;
    let config = WorkerConfig { fallback_poll_ms: 10, ..worker_config() };
    let free = Upstream { prices: Prices::default(), ..upstream(FREE) };
    let mut unpriced = Running::with_upstream(&f, &config, Some(free));
    // It asks, for what time brings about, and takes nothing.
    tokio::time::timeout(PATIENCE, async { while script_calls(&f).await < 20 {} }).await.unwrap();
    let view = f.view(id).await;
    assert_eq!((view.state, view.attempts), (JobState::Waiting, 0));
    assert!(unpriced.started.try_recv().is_err());

    // Beside it another one that knows the price takes the job.
    let priced = Running::with_upstream(&f, &config, Some(upstream(FREE)));
    assert_eq!(priced.end_of(id).await.attempts, 1);
    assert_eq!((unpriced.stats.processed(), priced.stats.processed()), (0, 1));
    unpriced.stop().await;
    priced.stop().await;
}

#[tokio::test]
async fn a_worker_whose_model_has_no_price_takes_jobs_while_money_is_not_limited() {
    let f = Fixture::start().await;
    vouch(&f.pool, &f.keys).await.unwrap();
    let id = f.enqueue("echo").await;
    let free = Upstream { prices: Prices::default(), ..upstream(FREE) };
    let worker = Running::with_upstream(&f, &worker_config(), Some(free));
    assert_eq!(worker.end_of(id).await.attempts, 1);
    worker.stop().await;
}
