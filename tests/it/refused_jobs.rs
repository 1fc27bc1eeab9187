//! A job that the upstream refuses for itself does not slow the jobs of others, whatever it is refused with.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{
    breaker::{BreakerState, breaker_status},
    job::{JobState, Priority},
    testing::simulator::Fault,
};

use crate::harness::{System, assert_completed, chapter, p95_ms};

/// Calls of the fleet in a window, and its length.
const RPM: u32 = 60;
const WINDOW_MS: u32 = 2_000;
/// Jobs of the others, of which four run at once.
const OTHERS: usize = 128;
const SLOTS: u32 = 4;
const LATENCY: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_mins(1);
/// In the refused text, and in no other one.
const MARK: &str = "Xylophonist";

/// What a run amounts to.
#[derive(Debug)]
struct Figures {
    /// Of the jobs of others.
    p95_ms: u64,
    learned_rpm: Option<u64>,
    /// Of the refused job: its calls, the code of its end, and its attempts.
    calls: usize,
    code: String,
    opened: bool,
}

/// Runs the jobs of eight users and, between them, one that is always refused with `fault`.
async fn run(refused: Option<(Fault, Priority)>) -> Figures {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_RPM", RPM);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("WORKER_CONCURRENCY", SLOTS / 2);
    system.simulator.set_latency(LATENCY);
    let users = ["ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hal"];
    let mut others = system.put_crowd(&users, 0..8).await;
    let mut bad = None;
    if let Some((fault, priority)) = refused {
        system.simulator.fail_text(fault, MARK);
        bad = Some(system.put("mallory", priority, format!("{MARK}. {}", chapter(9_999, 2))).await);
    }
    others.extend(system.put_crowd(&users, 8..OTHERS).await);
    let workers = [system.worker("a").await, system.worker("b").await];
    let done = system.ended_within(&others, PATIENCE).await;
    assert_completed(&done);
    let learned_rpm = system.learned_rpm().await;
    let (mut calls, mut code) = (0, String::new());
    if let Some(id) = bad {
        let job = system.ended_within(&[id], PATIENCE).await.remove(0);
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        calls = system.simulator.calls_of(id).len();
        code = job.failure.unwrap().code;
    }
    let breaker = breaker_status(&system.redis.patient_pool(), &system.keys, "openai").await.unwrap();
    assert_eq!(breaker.state, BreakerState::Closed);
    let opened = workers.iter().any(|worker| worker.log().contains("Circuit breaker opened"));
    Figures { p95_ms: p95_ms(&done), learned_rpm, calls, code, opened }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_job_slows_nobody_and_ends() {
    let kinds = [
        (Fault::RequestTooLarge, "call_exceeds_token_limit"),
        (Fault::WordlessRateLimit, "openai_refused_request"),
        (Fault::Moderation, "openai_content_filtered"),
        (Fault::HtmlForbidden, "openai_refused_request"),
    ];
    let cases: Vec<_> = [Priority::Interactive, Priority::Bulk]
        .into_iter()
        .flat_map(|priority| kinds.map(|(fault, code)| (fault, priority, code)))
        .collect();
    let runs = std::iter::once(None).chain(cases.iter().map(|(fault, priority, _)| Some((*fault, *priority))));
    let mut figures = join_all(runs.map(run)).await;
    let without = figures.remove(0);
    for ((fault, priority, code), with) in cases.into_iter().zip(figures) {
        let what = format!("{fault:?} {priority:?}: {with:?}, without {without:?}");
        assert!(with.p95_ms * 5 <= without.p95_ms * 6, "{what}");
        // A step of learning is 2 % of the limit.
        let limit = |figures: &Figures| figures.learned_rpm.unwrap_or(RPM.into());
        assert!(limit(&with).abs_diff(limit(&without)) <= 2, "{what}");
        assert!((1..=6).contains(&with.calls) && !with.opened, "{what}");
        assert_eq!(with.code, code, "{what}");
    }
}
