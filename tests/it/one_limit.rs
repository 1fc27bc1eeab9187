//! One limit for the whole fleet, judged by the upstream's log: real workers, a real Redis.

use std::time::Duration;

use shared::{
    breaker::{BreakerState, breaker_status, close_breaker},
    config::JobsConfig,
    job::{JobId, kinds::GenerateFlashcards},
    limiter::{Group, LimitName, limiter_status, set_limits},
    queue::{NewJob, Queue},
    testing::simulator::{Arrival, ConfigPatch, Fault},
};

use crate::harness::{Process, System, chapter, fullest, jobs_config};

impl System {
    /// Puts jobs of one call in line; their ids.
    async fn enqueue(&self, jobs: std::ops::Range<usize>) -> Vec<JobId> {
        let jobs_config = JobsConfig { queue_max_waiting: 10_000, job_max_attempts: 50, ..jobs_config() };
        let queue = Queue::new(self.redis.patient_pool(), "it", jobs_config);
        let mut ids = Vec::new();
        for number in jobs {
            let payload = GenerateFlashcards {
                content: chapter(number, 2),
                subject: "Biology".to_owned(),
                topic: "Cells".to_owned(),
                native_language: "German".to_owned(),
                target_language: "English".to_owned(),
            };
            ids.push(queue.enqueue(&NewJob::new(payload, "ada")).await.unwrap().id);
        }
        ids
    }

    async fn workers(&self, count: usize) -> Vec<Process> {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut workers = Vec::new();
        for name in &names[..count] {
            workers.push(self.worker(name).await);
        }
        workers
    }

    async fn until_done(&self, jobs: usize) {
        let wanted = i64::try_from(jobs).unwrap();
        self.until("all jobs are completed", &["ZCARD", &self.keys.done("ai-jobs")], |done| done >= wanted).await;
    }

    /// Attempts that were lost: every job here should end with its first.
    async fn attempts_of(&self, ids: &[JobId]) -> u64 {
        let mut most = 0;
        for id in ids {
            most = most.max(self.raw::<u64>(&["HGET", &self.keys.job(*id), "attempts"]).await);
        }
        most
    }
}

fn group() -> Group {
    Group::new("openai", "gpt-6-luna")
}

const LIMIT: u32 = 20;
const WINDOW_MS: u32 = 1_000;
/// Wide: how narrow it may be is for `lab bench limit` to say, on a machine that has nothing else to do.
const GUARD_MS: u32 = 400;

#[tokio::test]
async fn a_backlog_at_the_edge_of_a_window_does_not_pass_the_limit() {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_RPM", LIMIT);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("OPENAI_RATE_GUARD_MS", GUARD_MS);
    let mut done = 0;
    let mut workers = Vec::new();
    let permits = system.keys.permits(&group());
    for (round, processes) in (0..).zip([1, 2, 4, 8]) {
        workers.clear();
        workers.extend(system.workers(processes).await);
        for phase in 0..5_u64 {
            system.until("the window is empty", &["EXISTS", &permits], |exists| exists == 0).await;
            system.simulator.clear_arrivals();
            system.enqueue(done..done + 1).await;
            system.simulator.wait_for_calls(1).await;
            // Just before, at, and just after the end of the first call's window, and its guard.
            let share = phase * 4 + round;
            tokio::time::sleep(Duration::from_millis(u64::from(WINDOW_MS) - 150 + 30 * share)).await;
            let backlog = LIMIT as usize * 2;
            system.enqueue(done + 1..done + 1 + backlog).await;
            system.simulator.wait_for_calls(1 + backlog as u64).await;
            done += 1 + backlog;
            let calls = system.simulator.arrivals();
            let most = fullest(&calls, WINDOW_MS);
            assert!(most <= LIMIT as usize, "{most} calls in a window, {processes} processes, phase {share}");
            assert!(most >= LIMIT as usize / 2, "{most}: the limit is used");
        }
    }
    system.until_done(done).await;
}

#[tokio::test]
async fn twenty_seconds_of_429_cost_two_calls_a_job_at_most() {
    let mut system = System::new().await;
    system.set("OPENAI_MAX_CONCURRENT", 20);
    let (_api, _workers) = (system.api().await, system.workers(2).await);
    system.simulator.fail_for(Fault::RateLimit, Duration::from_secs(20));
    let ids = system.enqueue(0..20).await;
    system.until_done(20).await;
    let calls = system.simulator.arrivals().len();
    assert!(calls <= 40, "{calls} calls for 20 jobs");
    assert_eq!(system.attempts_of(&ids).await, 1);
    let breaker = breaker_status(&system.redis.patient_pool(), &system.keys, "openai").await.unwrap();
    assert_eq!((breaker.state, breaker.failures), (BreakerState::Closed, 0));
}

/// A fleet that is configured for twice what the upstream allows: after the first window, when which calls were refused (ms since
/// the first call), and how many calls there were.
async fn refused_after_learning(rate_headers: bool) -> (Vec<f64>, usize) {
    let (limit, window_ms) = (100_u32, 2_000_u32);
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_RPM", 2 * limit);
    system.set("OPENAI_RATE_WINDOW_MS", window_ms);
    system.set("OPENAI_RATE_GUARD_MS", GUARD_MS);
    system.simulator.configure(&ConfigPatch {
        rpm: Some(limit.into()),
        window_ms: Some(window_ms.into()),
        rate_headers: Some(rate_headers),
        latency_ms: Some(20),
        ..ConfigPatch::default()
    });
    let ids = system.enqueue(0..1_200).await;
    let _workers = system.workers(3).await;
    system.until_done(1_000).await;
    let calls = system.simulator.arrivals();
    let (first, window) = (calls[0].t_ms, f64::from(window_ms));
    let later: Vec<&Arrival> =
        calls.iter().filter(|call| call.t_ms >= first + window && call.t_ms < first + 11.0 * window).collect();
    let all: Vec<f64> = calls.iter().filter(|call| call.status == 429).map(|call| call.t_ms - first).collect();
    eprintln!("refused {all:.0?} ms after the first call");
    let refused = later.iter().filter(|call| call.status == 429);
    let refused = refused.map(|call| call.t_ms - first).collect();
    assert!(later.len() > 500, "{} calls in ten windows", later.len());
    assert_eq!(system.attempts_of(&ids[..1_000]).await, 1, "no job loses an attempt");
    (refused, later.len())
}

#[tokio::test]
async fn a_fleet_learns_the_limit_from_the_rate_headers() {
    let (refused, calls) = refused_after_learning(true).await;
    assert!(refused.len() * 100 < calls, "refused at {refused:.0?}, of {calls}");
}

#[tokio::test]
async fn a_fleet_learns_the_limit_from_refusals_alone() {
    let (refused, calls) = refused_after_learning(false).await;
    assert!(refused.len() * 100 < calls, "refused at {refused:.0?}, of {calls}");
}

#[tokio::test]
async fn a_spent_quota_stops_the_fleet_and_loses_nothing() {
    const SLOTS: u32 = 20;
    let mut system = System::new().await;
    system.set("OPENAI_MAX_CONCURRENT", SLOTS);
    system.set("OPENAI_BREAKER_SLOW_PROBE_MS", 400);
    let ids = system.enqueue(0..1_000).await;
    let workers = system.workers(3).await;
    system.simulator.wait_for_calls(300).await;
    system.simulator.fail_next(Fault::InsufficientQuota, u32::MAX);
    let pool = system.redis.patient_pool();
    while breaker_status(&pool, &system.keys, "openai").await.unwrap().state == BreakerState::Closed {}
    // Some slow probes pass by.
    let seen = system.simulator.stats(Duration::from_secs(1)).calls;
    system.simulator.wait_for_calls(seen + 4).await;
    let refused: Vec<f64> =
        system.simulator.arrivals().iter().filter(|call| call.status == 429).map(|call| call.t_ms).collect();
    let probes = refused.windows(2).filter(|pair| pair[1] - pair[0] > 300.0).count();
    assert!(refused.len() - probes <= SLOTS as usize, "{} at once", refused.len() - probes);
    assert!(workers.iter().any(|worker| worker.log().contains("Circuit breaker opened")));

    system.simulator.clear_faults();
    close_breaker(&pool, &system.keys, "openai").await.unwrap();
    system.until_done(1_000).await;
    assert_eq!(system.attempts_of(&ids).await, 1);
}

#[tokio::test]
async fn of_two_announced_limits_the_lower_counts_until_an_operator_sets_one() {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 100);
    let higher = system.worker("higher").await;
    let pool = system.redis.patient_pool();
    let status = async || limiter_status(&pool, &system.keys, &group()).await.unwrap();
    while !status().await.in_force.contains_key("rpm") {}
    let mut lower_settings = vec![("OPENAI_RATE_LIMIT_RPM", "50")];
    lower_settings.push(("RAILWAY_REPLICA_ID", "lower"));
    let lower = system.start("flashcard-worker", &lower_settings).await;
    while status().await.in_force["rpm"] != 50 {}
    assert!(status().await.differ);
    system.enqueue(0..120).await;
    system.until_done(50).await;
    assert_eq!(system.simulator.arrivals().len(), 50);
    while ![&higher, &lower].iter().any(|worker| worker.log().contains("Rate limit settings differ")) {}

    set_limits(&pool, &system.keys, &group(), &[(LimitName::Rpm, Some(70))]).await.unwrap();
    system.until_done(70).await;
    assert_eq!((system.simulator.arrivals().len(), status().await.requests), (70, 70));
}

#[tokio::test]
async fn a_half_open_breaker_lets_one_probe_go_in_the_whole_fleet() {
    const OPEN_MS: u32 = 300;
    let mut system = System::new().await;
    system.set("OPENAI_BREAKER_OPEN_MS", OPEN_MS);
    system.set("OPENAI_BREAKER_OPEN_MAX_MS", OPEN_MS);
    let _workers = system.workers(8).await;
    system.simulator.fail_next(Fault::ServerError, u32::MAX);
    system.enqueue(0..60).await;
    let pool = system.redis.patient_pool();
    while breaker_status(&pool, &system.keys, "openai").await.unwrap().state == BreakerState::Closed {}
    let opened = system.simulator.stats(Duration::from_secs(1)).calls;
    system.simulator.wait_for_calls(opened + 8).await;
    let calls = system.simulator.arrivals();
    let gaps: Vec<f64> = calls.windows(2).map(|pair| pair[1].t_ms - pair[0].t_ms).collect();
    // What was under way when it opened may still arrive; then one call in each period.
    let probes = &gaps[gaps.len() - 6..];
    assert!(probes.iter().all(|gap| *gap >= f64::from(OPEN_MS)), "{probes:?}");

    system.simulator.clear_faults();
    system.until_done(60).await;
}

#[tokio::test]
async fn further_calls_take_their_permits_and_wait_in_line_for_them() {
    let mut system = System::new().await;
    system.set("OPENAI_CHUNK_TOKENS", 300);
    system.set("OPENAI_RATE_LIMIT_RPM", 3);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("OPENAI_RATE_GUARD_MS", GUARD_MS);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    // About five parts: more than a window has permits.
    let id = system.submit(&api, &chapter(4, 11)).await;
    let job = system.end_of(&api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
    let calls = system.simulator.arrivals();
    assert!(
        calls.len() > 3 && fullest(&calls, WINDOW_MS) <= 3,
        "{} calls, {} at most",
        calls.len(),
        fullest(&calls, WINDOW_MS)
    );
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.in_flight(&group())]).await, 0);
}
