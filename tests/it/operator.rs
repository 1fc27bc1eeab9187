//! What an operator says with `unilingo` holds for the whole fleet, at once and until it is taken back.

use std::process::Output;

use serde_json::Value;
use shared::{limiter::Group, testing::free_port};
use tokio::process::Command;

use crate::harness::{Process, System, chapter, lesson, path_of};

/// Runs `unilingo` with these words against the Redis at `redis_url`.
async fn run(redis_url: &str, words: &str) -> Output {
    let mut command = Command::new(path_of("unilingo"));
    command.args(words.split(' ')).env("REDIS_URL", redis_url).env("QUEUE_PREFIX", "it");
    command.output().await.unwrap()
}

/// The JSON document that `unilingo` prints.
async fn unilingo(system: &System, words: &str) -> Value {
    let output = run(&system.redis.url(), &format!("{words} --json")).await;
    assert!(output.status.success(), "{words}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn limiter(system: &System) -> String {
    system.keys.limiter(&Group::new("openai", "gpt-6-luna"))
}

/// Resolves when a worker has found a job in line that may not run now.
async fn until_a_job_is_held(system: &System) {
    system.until("a job is held", &["HEXISTS", &limiter(system), "passed"], |fields| fields == 1).await;
}

/// Submits a job, which must be held until `release` is said and then be done at the first attempt.
async fn assert_held_until(system: &System, api: &Process, release: &str) {
    let id = system.submit(api, &chapter(1, 2)).await;
    until_a_job_is_held(system).await;
    let job = system.job(api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"waiting".into(), &0.into()), "{job}");
    assert_eq!(system.simulator.calls_of(&id).len(), 0);
    unilingo(system, release).await;
    let job = system.end_of(api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
}

#[tokio::test]
async fn a_limit_that_is_set_is_in_force_until_it_is_unset() {
    let mut system = System::new().await;
    // What the second job waits for can't be that the first one's permit slides out.
    system.set("OPENAI_RATE_WINDOW_MS", 3_600_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 100);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.until("limits are announced", &["HEXISTS", &limiter(&system), "rpm"], |fields| fields == 1).await;
    let before = unilingo(&system, "limits show").await;
    assert_eq!((&before["in_force"]["rpm"], &before["set"]["rpm"]), (&100.into(), &Value::Null), "{before}");

    let set = unilingo(&system, "limits set --rpm 1 --concurrency 7").await;
    assert_eq!(unilingo(&system, "limits show").await, set);
    for (name, value) in [("rpm", 1), ("concurrency", 7)] {
        assert_eq!((&set["in_force"][name], &set["set"][name]), (&value.into(), &value.into()), "{set}");
    }
    let first = system.submit(&api, &chapter(1, 2)).await;
    assert_eq!(system.end_of(&api, &first).await["state"], "completed");
    let second = system.submit(&api, &chapter(2, 2)).await;
    until_a_job_is_held(&system).await;
    assert_eq!(system.job(&api, &second).await["state"], "waiting");

    let unset = unilingo(&system, "limits unset --rpm").await;
    assert_eq!((&unset["in_force"]["rpm"], &unset["set"]["rpm"]), (&100.into(), &Value::Null), "{unset}");
    assert_eq!(unset["set"]["concurrency"], 7);
    assert_eq!(system.end_of(&api, &second).await["state"], "completed");
}

#[tokio::test]
async fn an_open_breaker_keeps_a_job_waiting_until_it_is_closed() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let open = unilingo(&system, "breaker open").await;
    assert_eq!((&open["provider"], &open["state"]), (&"openai".into(), &"OPEN".into()), "{open}");
    assert_held_until(&system, &api, "breaker close").await;
    assert_eq!(unilingo(&system, "breaker show").await["state"], "CLOSED");
}

#[tokio::test]
async fn a_paused_queue_keeps_a_job_waiting_until_it_is_resumed() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    assert_eq!(unilingo(&system, "queue pause ai-jobs").await["paused"], true);
    assert_held_until(&system, &api, "queue resume ai-jobs").await;
    assert_eq!(unilingo(&system, "queue show ai-jobs").await["paused"], false);
}

#[tokio::test]
async fn a_budget_that_is_set_and_the_kill_switch_refuse_jobs_until_they_are_taken_back() {
    let system = System::new().await;
    let api = system.api().await;
    for (refuse, allow) in [
        ("budget set --user-tokens-per-day 1", "budget unset --user-tokens-per-day"),
        ("budget kill --reason leak", "budget unkill"),
    ] {
        unilingo(&system, refuse).await;
        let request = system.http.post(api.url("/api/v1/flashcards")).json(&lesson("Cells."));
        assert_eq!(request.send().await.unwrap().status(), 429, "{refuse}");
        unilingo(&system, allow).await;
        system.submit(&api, &chapter(1, 2)).await;
    }
    let shown = unilingo(&system, "budget show --user ada").await;
    assert_eq!((&shown["kill_switch"], &shown["set"]), (&Value::Null, &serde_json::json!({})), "{shown}");
    assert!(shown["user"]["held_tokens"].as_u64() > Some(0), "{shown}");
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_what_can_not_be_done_with_1() {
    let nowhere = format!("redis://127.0.0.1:{}", free_port().unwrap());
    for (words, code, complaint) in [
        ("limits set", 2, "--rpm <N>"),
        ("breaker open opanai", 2, "openai, azure"),
        ("queue pause", 2, "<QUEUE>"),
        ("budget kill", 2, "--reason <TEXT>"),
        ("limits show", 1, "error: Redis is not available: "),
        ("breaker show --json", 1, "error: Redis is not available: "),
    ] {
        let output = run(&nowhere, words).await;
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{words}: {error}");
        assert!(error.contains(complaint), "{words}: {error}");
    }
}
