//! Jobs that are refused for themselves where few other calls show it: at low load, and several at once in one slot.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{
    job::{JobId, JobState, Priority},
    testing::simulator::Fault,
};
use tokio::time::Instant;

use crate::harness::{System, assert_completed, chapter, p95_ms};

const PATIENCE: Duration = Duration::from_mins(1);
/// In the refused texts, and in no other one.
const MARK: &str = "Xylophonist";

async fn put_refused(system: &System, user: &str, number: usize) -> JobId {
    system.put(user, Priority::Interactive, format!("{MARK}. {}", chapter(9_000 + number, 2))).await
}

/// Refused jobs of these users stand before the jobs of others, in one slot: p95 of the others.
async fn in_one_slot(fault: Fault, users: &[&str]) -> u64 {
    let mut system = System::new().await;
    system.set("WORKER_CONCURRENCY", 1);
    system.simulator.set_latency(Duration::from_millis(100));
    system.simulator.fail_text(fault, MARK);
    let mut refused = Vec::new();
    for (number, user) in users.iter().enumerate() {
        refused.push(put_refused(&system, user, number).await);
    }
    let others = system.put_crowd(&["ada", "ben", "cleo", "dan"], 0..80).await;
    let _worker = system.worker("a").await;
    let done = system.ended_within(&others, PATIENCE).await;
    assert_completed(&done);
    for id in refused {
        let calls = system.simulator.calls_of(id).len();
        assert!((1..=6).contains(&calls), "{calls} calls of a job that is refused each time");
    }
    p95_ms(&done)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_jobs_of_two_users_do_not_stop_one_slot() {
    let two = ["mallory", "trudy"];
    let cases = [(Fault::HtmlForbidden, &[][..]), (Fault::HtmlForbidden, &two), (Fault::WordlessRateLimit, &two)];
    let p95 = join_all(cases.map(|(fault, users)| in_one_slot(fault, users))).await;
    // What both are refused with may be the account's or the limit's: a pause of two seconds, and its trial, are due.
    assert!(p95[1].max(p95[2]) <= p95[0] + 5_000, "p95 {p95:?} ms");
}

/// How long the job of another user takes that comes when a refused one has been alone for a while, and the one after it.
async fn beside_a_refused_job(fault: Fault) -> [Duration; 2] {
    let system = System::new().await;
    system.simulator.fail_text(fault, MARK);
    let _worker = system.worker("a").await;
    let refused = put_refused(&system, "mallory", 0).await;
    let alone = tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(2)).await;
    assert!(alone.is_ok(), "a refused job goes on by itself");
    let mut took = [Duration::ZERO; 2];
    for (number, took) in took.iter_mut().enumerate() {
        let at = Instant::now();
        let id = system.put("ada", Priority::Interactive, chapter(number, 2)).await;
        assert_completed(&system.ended_within(&[id], PATIENCE).await);
        *took = at.elapsed();
    }
    let job = system.queue().job(refused).await.unwrap().unwrap();
    assert_ne!(job.state, JobState::Completed);
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_job_that_is_alone_delays_one_other_at_most() {
    let took = join_all([Fault::WordlessRateLimit, Fault::HtmlForbidden].map(beside_a_refused_job)).await;
    for [first, second] in took {
        assert!(first <= Duration::from_secs(4) && second <= Duration::from_secs(2), "{first:?}, then {second:?}");
    }
}
