//! What an operator sees with `unilingo`, and what never shows: texts of learners.

use serde_json::Value;
use shared::testing::simulator::Fault;
use tokio::process::Command;

use crate::harness::{QUEUE, System, chapter, path_of};

/// What `unilingo` says, which must end with `code`.
async fn said(system: &System, words: &[&str], code: i32) -> String {
    let mut command = Command::new(path_of("unilingo"));
    command
        .args(words)
        .env("REDIS_URL", system.redis.url())
        .env("QUEUE_PREFIX", "it")
        .stdin(std::process::Stdio::null());
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn document(system: &System, words: &[&str], code: i32) -> Value {
    serde_json::from_str(&said(system, &[words, &["--json"]].concat(), code).await).unwrap()
}

#[tokio::test]
async fn jobs_are_listed_shown_and_cancelled_without_their_texts() {
    let system = System::new().await;
    let (api, worker) = (system.api().await, system.worker("a").await);
    let text = chapter(1, 2);
    let completed = system.submit(&api, &text).await;
    system.end_of(&api, &completed).await;
    system.simulator.fail_next(Fault::BadRequest, 1);
    let failed = system.submit(&api, &chapter(2, 2)).await;
    assert_eq!(system.end_of(&api, &failed).await["state"], "failed");
    worker.kill().await;
    let waiting = system.submit(&api, &chapter(3, 2)).await;

    let listed = document(&system, &["jobs", "list"], 0).await;
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&waiting, &failed, &completed], "{listed}");
    for (state, id) in [("waiting", &waiting), ("failed", &failed), ("completed", &completed)] {
        let one = document(&system, &["jobs", "list", "--state", state, "--queue", QUEUE], 0).await;
        assert_eq!((one.as_array().unwrap().len(), &one[0]["id"]), (1, &id.as_str().into()), "{one}");
        let user = one[0]["user"].as_str().unwrap();
        let own = document(&system, &["jobs", "list", "--state", state, "--user", user], 0).await;
        assert_eq!(own, one);
    }
    assert_eq!(document(&system, &["jobs", "list", "--kind", "other"], 3).await, Value::Array(Vec::new()));

    let shown = document(&system, &["jobs", "show", &failed], 0).await;
    let attempt = &shown["failed_attempts"][0];
    assert_eq!((&shown["state"], &attempt["attempt"], &attempt["code"]), (&"failed".into(), &1.into(), &shown["code"]));
    assert!(shown["payload_bytes"].as_u64() > Some(100) && shown["kept_for_ms"].as_u64() > Some(0), "{shown}");
    let told = said(&system, &["jobs", "show", &failed], 0).await;
    assert!(told.contains("attempt 1 failed at ") && told.contains("bytes "), "{told}");
    assert!(document(&system, &["jobs", "show", &completed], 0).await["result_bytes"].as_u64() > Some(100));

    let words = text.split_whitespace().collect::<Vec<_>>();
    let phrase = words[2..6].join(" ");
    for words in [&["jobs", "list"][..], &["jobs", "show", &completed], &["jobs", "show", &waiting], &["dead", "list"]]
    {
        for answer in [said(&system, words, 0).await, document(&system, words, 0).await.to_string()] {
            assert!(!answer.contains(&phrase) && !answer.contains("flashcards\":["), "{words:?}: {answer}");
        }
    }

    let stats = document(&system, &["queue", "stats", QUEUE], 0).await;
    let [waits, dead, done] = ["waiting", "dead", "done"].map(|of| stats[0][of].as_u64().unwrap());
    assert_eq!((waits, dead, done), (1, 1, 1), "{stats}");
    assert!(stats[0]["oldest_ms"].as_u64() > Some(0), "{stats}");
    let cancelled = document(&system, &["jobs", "cancel", &waiting], 0).await;
    assert_eq!(cancelled[0]["outcome"], "cancelled");
    assert_eq!(document(&system, &["jobs", "cancel", &waiting, &failed], 3).await[1]["outcome"], "failed");
    assert_eq!(system.job(&api, &waiting).await["state"], "cancelled");
}

#[tokio::test]
async fn users_are_shown_suspended_and_erased_and_workers_are_listed() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let id = system.submit(&api, &chapter(1, 2)).await;
    system.end_of(&api, &id).await;
    let listed = document(&system, &["users", "list"], 0).await;
    let user = listed["users"][0]["user"].as_str().unwrap().to_owned();
    let shown = document(&system, &["users", "show", &user], 0).await;
    assert_eq!((&shown["activity"]["completed"], &shown["suspension"]), (&1.into(), &Value::Null), "{shown}");
    said(&system, &["users", "suspend", &user, "--reason", "too much"], 0).await;
    assert_eq!(document(&system, &["users", "show", &user], 0).await["suspension"]["reason"], "too much");
    said(&system, &["users", "unsuspend", &user], 0).await;
    assert_eq!(document(&system, &["users", "reset", &user], 0).await["reset"], true);
    said(&system, &["users", "erase", &user], 2).await;
    assert_eq!(document(&system, &["users", "erase", &user, "--yes"], 0).await["jobs"], 1);
    assert_eq!(document(&system, &["jobs", "list"], 3).await, Value::Array(Vec::new()));

    system.until("the worker is known", &["ZCARD", &system.keys.workers(QUEUE)], |workers| workers == 1).await;
    let workers = document(&system, &["workers"], 0).await;
    assert_eq!((&workers[0]["replica"], &workers[0]["queue"]), (&"a".into(), &QUEUE.into()), "{workers}");
    assert!(said(&system, &["workers"], 0).await.contains("  ai-jobs "));
}

#[tokio::test]
async fn an_api_is_verified_from_outside() {
    let system = System::new().await;
    let secret = "0123456789abcdef0123456789abcdef";
    let guarded = [("AUTH", "jwt"), ("JWT_SECRET", secret), ("MONITORING_ALLOWED_IPS", "203.0.113.7")];
    let api = system.start("api", &guarded).await;
    let well = document(&system, &["verify", &api.url("")], 0).await;
    assert_eq!(well["ok"], true, "{well}");
    let told = said(&system, &["verify", &api.url("/")], 0).await;
    assert!(told.contains("✓ monitoring is guarded") && told.contains(" 0 failed"), "{told}");

    let open = system.api().await;
    let told = said(&system, &["verify", &open.url("")], 1).await;
    assert!(told.contains("✗ a request without a name is refused") && !told.contains('\u{1b}'), "{told}");
    let nobody = document(&system, &["verify", "http://127.0.0.1:9"], 1).await;
    assert_eq!(nobody["ok"], false);
}

#[tokio::test]
async fn shells_are_given_their_completions() {
    let system = System::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&system, &["completions", shell], 0).await;
        assert!(script.contains("requeue") && script.contains("dry-run"), "{shell}");
    }
}
