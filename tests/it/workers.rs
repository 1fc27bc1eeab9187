//! Who works is known, and who has gone is forgotten.

use shared::{
    job::QueueName,
    workers::{LiveWorker, live_workers},
};

use crate::harness::{QUEUE, System};

async fn live(system: &System) -> Vec<LiveWorker> {
    live_workers(&system.redis.patient_pool(), &system.keys, QueueName::Ai).await.unwrap()
}

#[tokio::test]
async fn live_workers_are_known_until_they_stop_or_are_silent() {
    let mut system = System::new().await;
    system.set("WORKER_CONCURRENCY", 7);
    let index = system.keys.workers(QUEUE);
    let (mut first, second) = (system.worker("a").await, system.worker("b").await);
    system.until("both are known", &["ZCARD", &index], |workers| workers == 2).await;
    let workers = live(&system).await;
    let seen: Vec<_> = workers.iter().map(|worker| (worker.replica.as_str(), worker.slots, worker.busy)).collect();
    assert_eq!(seen, [("a", 7, 0), ("b", 7, 0)]);
    for worker in &workers {
        assert!(worker.id.starts_with(&format!("{}-", worker.replica)), "{worker:?}");
        assert_eq!(worker.version, env!("CARGO_PKG_VERSION"));
        assert!(worker.started_at_ms > 0 && worker.started_at_ms <= worker.seen_at_ms, "{worker:?}");
    }
    assert!(live_workers(&system.redis.patient_pool(), &system.keys, QueueName::Audio).await.unwrap().is_empty());

    first.terminate();
    assert!(first.ended().await.success());
    assert_eq!(live(&system).await.iter().map(|worker| worker.replica.as_str()).collect::<Vec<_>>(), ["b"]);
    second.kill().await;
    // It can't withdraw: its time passes.
    let silent = live(&system).await[0].id.clone();
    for key in [&index, &system.keys.worker(&silent)] {
        let left: i64 = system.raw(&["PTTL", key]).await;
        assert!((0..=30_000).contains(&left), "{key}: {left} ms");
    }
    system.raw::<u64>(&["ZADD", &index, "XX", "1", &silent]).await;
    assert!(live(&system).await.is_empty());
}
