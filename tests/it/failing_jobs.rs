//! Failures of some calls stop neither the calls of others nor the fleet.

use std::time::Duration;

use futures_util::future::join;
use shared::{
    job::{JobId, JobState, Priority},
    testing::simulator::{Arrival, Fault, FaultRule},
};

use crate::harness::{Process, System, assert_completed, chapter, p95_ms};

const USERS: [&str; 6] = ["ada", "ben", "cleo", "dan", "eve", "finn"];
const PATIENCE: Duration = Duration::from_secs(40);
/// As many failures as 1 % of a longer run are: more than open the breaker where their share does not count.
const ONE_OF: usize = 50;
/// In the texts that fail, and in no other one.
const MARK: &str = "Xylophonist";

async fn fleet(system: &mut System, slots: u32, latency: Duration) -> [Process; 2] {
    system.set("WORKER_CONCURRENCY", slots);
    system.simulator.set_latency(latency);
    [system.worker("a").await, system.worker("b").await]
}

fn assert_never_opened(workers: &[Process]) {
    assert!(!workers.iter().any(|worker| worker.log().contains("Circuit breaker opened")));
}

/// Calls a second over the middle 80 % of a run.
fn calls_per_second(calls: &[Arrival]) -> f64 {
    let middle = &calls[calls.len() / 10..calls.len() * 9 / 10];
    let span_ms = middle[middle.len() - 1].t_ms - middle[0].t_ms;
    f64::from(u32::try_from(middle.len() - 1).unwrap()) * 1_000.0 / span_ms
}

/// Runs many jobs, of whose calls one of fifty fails if `failing`; its calls a second.
async fn rate(failing: bool) -> f64 {
    let mut system = System::new().await;
    let jobs = system.put_crowd(&USERS, 0..300).await;
    if failing {
        let one_of = Some(u32::try_from(ONE_OF).unwrap());
        system.simulator.inject(FaultRule { one_of, ..FaultRule::new(Fault::ServerError) });
    }
    let workers = fleet(&mut system, 5, Duration::from_millis(400)).await;
    assert_completed(&system.ended_within(&jobs, PATIENCE).await);
    assert_never_opened(&workers);
    let calls = system.simulator.arrivals();
    let failed = calls.iter().filter(|call| call.status == 500).count();
    assert_eq!(failed, if failing { calls.len() / ONE_OF } else { 0 });
    calls_per_second(&calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failed_call_of_fifty_costs_no_capacity() {
    let (without, with) = join(rate(false), rate(true)).await;
    assert!((with - without).abs() <= 0.05 * without, "{with} calls a second, {without} without failures");
}

/// Runs the jobs of others, and those of one user that always fail; p95 of the others.
async fn others_p95(fault: Option<Fault>) -> u64 {
    let mut system = System::new().await;
    let mut bad = Vec::<JobId>::new();
    if let Some(fault) = fault {
        system.simulator.fail_text(fault, MARK);
        for number in 0..2 {
            let text = format!("{MARK}. {}", chapter(9_000 + number, 2));
            bad.push(system.put("mallory", Priority::Interactive, text).await);
        }
    }
    let others = system.put_crowd(&USERS, 0..96).await;
    let workers = fleet(&mut system, 4, Duration::from_millis(200)).await;
    let done = system.ended_within(&others, PATIENCE).await;
    assert_completed(&done);
    for job in system.ended_within(&bad, PATIENCE).await {
        assert_eq!((job.state, job.attempts), (JobState::Failed, 3), "{job:?}");
    }
    assert_never_opened(&workers);
    p95_ms(&done)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_texts_that_always_fail_slow_nobody() {
    let (without, with) = join(others_p95(None), others_p95(Some(Fault::ServerError))).await;
    assert!(with * 5 <= without * 6, "p95 {with} ms, {without} ms without them");
}
