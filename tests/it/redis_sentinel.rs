//! A whole system on a primary with its replica that three Sentinels watch: the primary is killed under load.

use std::time::Duration;

use serde_json::Value;
use shared::testing::{TestRedis, TestSentinels};
use tokio::{process::Command, time::Instant};

use crate::harness::{Load, PATIENCE, Process, System, chapter, fullest, lesson, long_forms, path_of};

/// What is promised after a promotion: submissions are accepted, and calls are made one window later.
const BACK: Duration = Duration::from_secs(5);
/// As in `one_limit`: how narrow the guard band may be is for `unilingo bench limit` to say.
const GUARD_MS: u32 = 400;

/// How often the primary is killed, and what holds meanwhile.
struct Form {
    kills: u32,
    window_ms: u32,
    /// Calls in a window: more than are submitted in it, and fewer than wait when calls are made again.
    limit: u32,
}

const SHORT: Form = Form { kills: 1, window_ms: 1_000, limit: 30 };
const LONG: Form = Form { kills: 5, window_ms: 6_000, limit: 200 };

/// Waits until the replica takes writes. Sentinels see that the primary is gone after a second; they close all connections to the
/// replica when they promote it.
async fn until_promoted(replica: &TestRedis) {
    let promoted = async { while !replica.is_primary().await.unwrap_or(false) {} };
    tokio::time::timeout(PATIENCE, promoted).await.expect("Sentinel promotes the replica");
}

/// Submits until it is accepted.
async fn until_accepted(system: &System, api: &Process, number: usize) {
    let accepted = async {
        let body = lesson(&chapter(number, 2));
        while system.http.post(api.url("/api/v1/flashcards")).json(&body).send().await.unwrap().status() != 202 {}
    };
    tokio::time::timeout(PATIENCE, accepted).await.unwrap_or_else(|_| panic!("never accepted: {}", api.log()));
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures of the long form")]
async fn a_primary_that_is_killed_under_load_loses_nothing_that_its_replica_had() {
    let form = if long_forms() { LONG } else { SHORT };
    let (primary, mut replica) = (TestRedis::start().await.unwrap(), TestRedis::start().await.unwrap());
    replica.follow(&primary).await.unwrap();
    let sentinels = TestSentinels::start(&primary, None).await.unwrap();
    let mut system = System::on(primary).await;
    system.set_text("REDIS_URL", sentinels.url());
    system.set("OPENAI_RATE_LIMIT_RPM", form.limit);
    system.set("OPENAI_RATE_WINDOW_MS", form.window_ms);
    system.set("OPENAI_RATE_GUARD_MS", GUARD_MS);
    let mut processes = vec![system.api().await, system.worker("a").await, system.worker("b").await];
    processes[0].until_ready(&system.http).await;

    let load = Load::start(&system.http, &processes[0]);
    let mut safe = Vec::new();
    for kill in 1..=form.kills {
        let calls = u64::try_from(system.simulator.arrivals().len()).unwrap();
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls + 5)).await.expect("calls");
        // What was accepted by now is written; the replica has it when it has come to where the primary is now.
        safe = load.accepted();
        replica.until_as_new_as(&system.redis).await.unwrap();
        system.redis.kill().await.unwrap();
        let killed = Instant::now();

        until_promoted(&replica).await;
        let (promoted, calls) = (Instant::now(), u64::try_from(system.simulator.arrivals().len()).unwrap());
        until_accepted(&system, &processes[0], 100_000 + kill as usize).await;
        let accepted = promoted.elapsed();
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls + 1)).await.expect("calls");
        let called = promoted.elapsed();
        println!(
            "kill {kill}: promoted after {:?}, accepted {accepted:?} and called {called:?} later",
            promoted - killed
        );
        assert!(accepted <= BACK, "accepted after {accepted:?}: {}", processes[0].log());
        assert!(called <= BACK + Duration::from_millis(form.window_ms.into()), "called after {called:?}");

        std::mem::swap(&mut system.redis, &mut replica);
        if kill < form.kills {
            replica.start_again().await.unwrap();
            // Sentinel makes it a replica of the new primary.
            let following = replica.until_as_new_as(&system.redis);
            tokio::time::timeout(PATIENCE, following).await.expect("the old primary follows").unwrap();
        }
    }
    let submitted = load.stop().await;

    let mut lost = 0;
    for id in &submitted.accepted {
        let url = processes[0].url(&format!("/api/v1/jobs/{id}?wait=50"));
        let answer = system.http.get(url).send().await.unwrap();
        if answer.status() == 404 {
            assert!(!safe.contains(id), "{id} had reached the replica, and is lost");
            lost += 1;
            continue;
        }
        let job: Value = answer.json().await.unwrap();
        assert_eq!(job["state"], "completed", "{job}");
    }
    println!(
        "{} accepted, {} refused, {lost} lost that the replica did not have",
        submitted.accepted.len(),
        submitted.refused
    );
    let most = fullest(&system.simulator.arrivals(), form.window_ms);
    assert!(most <= form.limit as usize, "{most} calls in a window of {}", form.limit);
    let address = format!("127.0.0.1:{}", system.redis.port());
    for process in &mut processes {
        assert!(process.is_running(), "it has ended: {}", process.log());
        assert!(process.log().contains(&address), "no line says where it is connected now: {}", process.log());
    }
    let shown =
        Command::new(path_of("unilingo")).args(["limits", "show"]).envs(system.settings()).output().await.unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
}
