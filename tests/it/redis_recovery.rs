//! Redis was away for longer than a lease, is new, or its clock has stepped: nothing is paid for again, no window of the upstream
//! holds more calls than the limit, and the fleet says why it waits and until when.

use std::time::Duration;

use serde_json::Value;
use shared::{
    clock::unix_ms,
    limiter::{Group, WithheldReason, limiter_status},
    testing::TestRedis,
};
use tokio::time::Instant;

use crate::harness::{PATIENCE, Process, System, chapter, fullest, long_forms};

const LIMIT: u32 = 10;
const WINDOW_MS: u32 = 2_000;
const GUARD_MS: u32 = 400;

/// How far Redis' clock is ahead of the machine's, in seconds, one step after another: an hour on, 20 s back, an hour back, 20 s on.
const STEPS: [i64; 4] = [3_600, 3_580, -20, 0];

#[tokio::test]
async fn calls_in_flight_are_not_made_again_after_an_outage_of_more_than_a_lease() {
    let mut system = System::on(TestRedis::with_append_only("always").await.unwrap()).await;
    system.set("WORKER_CONCURRENCY", 20);
    let (api, _a, _b) = (system.api().await, system.worker("a").await, system.worker("b").await);
    system.simulator.hold();
    let mut jobs = Vec::new();
    for number in 0..40 {
        jobs.push(system.submit(&api, &chapter(number, 1)).await);
    }
    system.simulator.wait_for_calls(40).await;

    system.redis.kill().await.unwrap();
    // Longer than a lease (2 s): that time passes is what this is about.
    tokio::time::sleep(Duration::from_secs(3)).await;
    system.redis.start_again().await.unwrap();
    api.until_ready(&system.http).await;
    // A worker that is idle now would take what has lapsed.
    let _c = system.worker("c").await;
    let extra = system.submit(&api, &chapter(40, 1)).await;
    system.simulator.wait_for_calls(41).await;
    system.simulator.release();
    for id in jobs.iter().chain([&extra]) {
        let job = system.end_of(&api, id).await;
        assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("completed"), Some(1)), "{job}");
    }
    assert_eq!(system.simulator.arrivals().len(), 41, "every call was paid for once");
}

#[tokio::test]
async fn the_limit_holds_and_nothing_is_called_again_while_the_clock_of_redis_steps() {
    let mut system = System::on(TestRedis::with_movable_clock().await.unwrap()).await;
    system.set("OPENAI_RATE_LIMIT_RPM", LIMIT);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("OPENAI_RATE_GUARD_MS", GUARD_MS);
    system.set_text("LEASE_SECONDS", "10".to_owned());
    // A step of an hour makes Redis drop what has less than that to live.
    system.set("COMPLETED_TTL_SECONDS", 86_400);
    let (api, a, b) = (system.api().await, system.worker("a").await, system.worker("b").await);
    system.simulator.set_latency(Duration::from_millis(500));
    let mut jobs = Vec::new();
    let rounds = if long_forms() { 5 } else { 1 };
    for number in 0..60 * rounds {
        jobs.push(system.submit(&api, &chapter(number, 1)).await);
    }
    let mut calls: u64 = 5;
    let steps = STEPS.iter().cycle().take(rounds * STEPS.len());
    for &ahead in steps {
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls)).await.expect("calls before the step");
        let stepped = Instant::now();
        system.redis.set_clock_ahead(ahead).unwrap();
        // Those that were let go just before may yet arrive.
        calls = system.simulator.arrivals().len() as u64 + u64::from(LIMIT);
        let called = tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls)).await;
        assert!(called.is_ok(), "no calls after a step to {ahead}");
        // Until it is believed, one window, and the window that these calls fill.
        assert!(
            stepped.elapsed() < Duration::from_millis(4 * u64::from(WINDOW_MS)) + Duration::from_secs(2),
            "{ahead}: {:?}",
            stepped.elapsed()
        );
    }
    for id in &jobs {
        let job = system.end_of(&api, id).await;
        assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("completed"), Some(1)), "{job}");
    }
    let calls = system.simulator.arrivals();
    assert_eq!(calls.len(), jobs.len(), "nothing was called again");
    assert!(
        fullest(&calls, WINDOW_MS) <= LIMIT as usize,
        "{} in a window: {:?}",
        fullest(&calls, WINDOW_MS),
        calls.iter().map(|call| call.t_ms).collect::<Vec<_>>()
    );
    let told = format!("{}{}", a.log(), b.log()).matches("Redis' clock has stepped: no permit").count();
    assert!((1..=rounds * STEPS.len()).contains(&told), "{told}");
}

#[tokio::test]
async fn a_new_redis_gives_permits_within_five_seconds_and_says_so_meanwhile() {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_RPM", LIMIT);
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    let (api, worker) = (system.api().await, system.worker("a").await);
    let first = system.submit(&api, &chapter(0, 1)).await;
    system.end_of(&api, &first).await;
    system.raw::<()>(&["FLUSHALL"]).await;
    let lost = Instant::now();
    let second = system.submit(&api, &chapter(1, 1)).await;
    // The worker that was there says that its last call is younger than a window.
    let job = system.until_it_says_why(&api, &second).await;
    assert_eq!(job["reason"], "new_redis", "{job}");
    let group = Group::new("openai", "gpt-6-luna");
    let withheld = || async {
        let status = limiter_status(&system.redis.patient_pool(), &system.keys, &group).await.unwrap();
        status.withheld.expect("operators are told")
    };
    // Its report comes within a moment of the first refusal.
    let reported = async { while withheld().await.until_ms < unix_ms() + 30_000 {} };
    tokio::time::timeout(PATIENCE, reported).await.expect("its call counts for the rest of its window");
    assert_eq!(withheld().await.reason, WithheldReason::NewRedis);
    assert!(worker.log().contains("This Redis is new"), "{}", worker.log());
    drop(worker);

    // Nobody lives who has made a call.
    system.raw::<()>(&["FLUSHALL"]).await;
    let _worker = system.worker("b").await;
    let third = system.submit(&api, &chapter(2, 1)).await;
    let asked = Instant::now();
    let job = system.end_of(&api, &third).await;
    assert_eq!(job["state"], "completed", "{job}");
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    assert!(lost.elapsed() < Duration::from_secs(30));
}

impl System {
    /// A job that waits, once it says why.
    async fn until_it_says_why(&self, api: &Process, id: &str) -> Value {
        let asking = async {
            loop {
                let url = api.url(&format!("/api/v1/jobs/{id}"));
                let job: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
                if job.get("reason").is_some() {
                    return job;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it says why it waits")
    }
}
