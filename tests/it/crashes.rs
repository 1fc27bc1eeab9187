//! What dies, and what does not get lost.

use serde_json::json;

use crate::harness::{QUEUE, System, assert_good_cards, cards, chapter};

#[tokio::test]
async fn a_job_whose_worker_is_killed_is_completed_by_the_other_one() {
    let system = System::new().await;
    let api = system.api().await;
    let (first, second) = (system.worker("first").await, system.worker("second").await);
    system.simulator.hold();
    let id = system.submit(&api, &chapter(1, 3)).await;
    system.simulator.wait_for_calls(1).await;
    let holder: String = system.raw(&["HGET", &system.keys.job(id.parse().unwrap()), "worker"]).await;
    let (killed, survivor) = if holder.starts_with("first-") { (first, second) } else { (second, first) };
    killed.kill().await;
    system.simulator.release();

    let job = system.end_of(&api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("completed"), &json!(1)), "a crash uses no attempt: {job}");
    assert_good_cards(cards(&job));
    assert_eq!(system.simulator.calls_of(&id).len(), 2, "the call that was lost, and one more");
    drop(survivor);
}

#[tokio::test]
async fn a_kill_after_three_of_five_parts_costs_at_most_one_call() {
    let mut system = System::new().await;
    system.set("OPENAI_CHUNK_TOKENS", 300);
    let api = system.api().await;
    let worker = system.worker("first").await;
    system.simulator.set_latency(std::time::Duration::from_millis(300));
    let id = system.submit(&api, &chapter(2, 11)).await;
    let checkpoints = system.keys.checkpoints(id.parse().unwrap());
    system.until("three parts are recorded", &["HLEN", &checkpoints], |parts| parts >= 3).await;
    worker.kill().await;
    let recorded: usize = system.raw(&["HLEN", &checkpoints]).await;
    let before = system.simulator.calls_of(&id).len();
    assert!(before <= recorded + 1 && recorded < 5, "{before} calls, {recorded} of them recorded");

    let _worker = system.worker("second").await;
    let job = system.end_of(&api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("completed"), &json!(1)), "a crash uses no attempt: {job}");
    assert_good_cards(cards(&job));
    let calls = system.simulator.calls_of(&id);
    assert_eq!(calls.len() - before, 5 - recorded, "the second attempt makes the calls that are missing: {calls:?}");
    assert!(calls.len() <= 6, "{} calls for five parts", calls.len());
    let paid: u32 = calls.iter().filter(|call| call.status == 200).map(|call| call.used_tokens).sum();
    assert!(job["result"]["tokenUsage"].as_u64().unwrap() <= u64::from(paid));
}

#[tokio::test]
async fn a_stop_finishes_and_settles_what_runs() {
    let mut system = System::new().await;
    system.set("WORKER_CONCURRENCY", 64);
    let api = system.api().await;
    let mut worker = system.worker("a").await;
    system.simulator.hold();
    let mut ids = Vec::new();
    for number in 0..64 {
        ids.push(system.submit(&api, &chapter(number, 2)).await);
    }
    system.simulator.wait_for_calls(64).await;
    worker.terminate();
    system.simulator.release();
    assert!(worker.ended().await.success());
    for id in ids {
        assert_eq!(system.job(&api, &id).await["state"], "completed");
        assert_eq!(system.simulator.calls_of(&id).len(), 1);
    }
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.leases(QUEUE)]).await, 0);
}

#[tokio::test]
async fn a_second_signal_gives_running_jobs_to_others_at_once() {
    let mut system = System::new().await;
    // Nothing here can be explained by a lapsed lease.
    system.set("LEASE_SECONDS", 600);
    let api = system.api().await;
    let mut stopping = system.worker("stopping").await;
    system.simulator.hold();
    let id = system.submit(&api, &chapter(1, 2)).await;
    system.simulator.wait_for_calls(1).await;
    stopping.terminate();
    stopping.terminate();
    // Signals of one kind that come together are one.
    while stopping.is_running() {
        stopping.terminate();
    }
    assert!(stopping.ended().await.success());
    system.simulator.release();
    let _other = system.worker("other").await;
    let job = system.end_of(&api, &id).await;
    assert_eq!(
        (&job["state"], &job["attempts"]),
        (&json!("completed"), &json!(1)),
        "giving back uses no attempt: {job}"
    );
}
