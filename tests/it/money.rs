//! What the fleet counts as spent is what the provider bills.

use std::process::Output;

use serde_json::Value;
use shared::testing::simulator::{Bill, ConfigPatch, Fault, ProviderProfile};
use tokio::process::Command;

use crate::harness::{PATIENCE, Process, System, chapter, lesson, path_of};

/// Jobs of the comparison, and into how many batches they are parted.
const JOBS: usize = 500;
const BATCHES: usize = 5;
/// Calls of each batch that meet a fault.
const FAULTS: [(Fault, u32); 8] = [
    (Fault::Refusal, 12),
    (Fault::MalformedJson, 8),
    (Fault::MalformedBody, 1),
    (Fault::Empty, 6),
    (Fault::CutOff, 5),
    (Fault::InvalidCards, 3),
    (Fault::FewCards, 5),
    (Fault::Stall, 1),
];

async fn run(system: &System, words: &str) -> Output {
    let mut command = Command::new(path_of("unilingo"));
    command.args(words.split_whitespace()).arg("--json").envs(system.settings());
    command.output().await.unwrap()
}

async fn unilingo(system: &System, words: &str) -> Value {
    let output = run(system, words).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn system_at(profile: ProviderProfile) -> System {
    let mut system = System::new().await;
    system.simulator.configure(&ConfigPatch { profile: Some(profile), ..ConfigPatch::default() });
    system.set_text("OPENAI_BASE_URL", system.simulator.base_url());
    system.set_text("OPENAI_MODEL", profile.model().to_owned());
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system.set("WORKER_CONCURRENCY", 16);
    // What the comparison is about fails more often than a healthy provider does.
    system.set("OPENAI_BREAKER_FAILURES", 1_000);
    system
}

async fn run_jobs(system: &System, api: &Process, numbers: std::ops::Range<usize>) {
    let mut ids = Vec::new();
    for number in numbers {
        // Every other prompt is long enough for the provider's cache.
        let paragraphs = if number % 2 == 0 { 2 } else { 5 };
        ids.push(system.submit(api, &chapter(number, paragraphs)).await);
    }
    for id in &ids {
        system.end_of(api, id).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 micro-dollars")]
fn assert_billed(fleet: &Value, bill: &Bill) {
    let of = |field: &str| fleet[field].as_u64().unwrap();
    let micros = of("micros") - of("assumed_micros");
    let off = micros as f64 / (bill.usd * 1e6) - 1.0;
    assert!(off.abs() < 0.01, "{:.3} % off: {fleet}, {bill:?}", off * 100.0);
}

#[tokio::test]
async fn five_hundred_jobs_with_every_kind_of_answer_cost_what_the_provider_bills() {
    let mut system = system_at(ProviderProfile::OpenaiReasoning).await;
    system.set("OPENAI_TIMEOUT_SECONDS", 1);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    for batch in 0..BATCHES {
        for (fault, count) in FAULTS {
            system.simulator.fail_next(fault, count);
        }
        run_jobs(&system, &api, batch * JOBS / BATCHES..(batch + 1) * JOBS / BATCHES).await;
    }
    let bill = system.simulator.bill();
    assert!(bill.calls > 500 && bill.cached_tokens > 0 && bill.cache_write_tokens > 0, "{bill:?}");
    let fleet = unilingo(&system, "budget show").await["fleet"].clone();
    assert_billed(&fleet, &bill);
    let stalled = system.simulator.arrivals().into_iter().filter(|call| call.fault == Some(Fault::Stall));
    let reserved: Vec<u64> = stalled.map(|call| call.reserved_tokens.into()).collect();
    assert_eq!(reserved.len(), BATCHES, "one call of each batch timed out");
    assert!(fleet["assumed_tokens"].as_u64() >= Some(reserved.iter().sum()), "{reserved:?}: {fleet}");
    assert!(fleet["assumed_micros"].as_u64() > Some(0) && fleet["held_tokens"] == 0, "{fleet}");
    let status: Value =
        system.http.get(api.url("/api/admin/budget/status")).send().await.unwrap().json().await.unwrap();
    assert_eq!(status["budget"]["fleet"]["assumedTokens"], fleet["assumed_tokens"], "{status}");
}

#[tokio::test]
async fn a_gateways_own_figures_count() {
    let mut system = system_at(ProviderProfile::Openrouter).await;
    // Ten times too dear.
    system.set_text("OPENAI_PRICES", "gpt-6-luna=1/5".to_owned());
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.fail_next(Fault::Refusal, 3);
    run_jobs(&system, &api, 0..20).await;
    let fleet = unilingo(&system, "budget show").await["fleet"].clone();
    assert_billed(&fleet, &system.simulator.bill());
}

#[tokio::test]
async fn refused_texts_use_up_a_users_budget() {
    let mut system = system_at(ProviderProfile::OpenaiReasoning).await;
    system.set("BUDGET_USER_TOKENS_PER_DAY", 10_000);
    system.set("OPENAI_MAX_OUTPUT_TOKENS", 64);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.fail_for(Fault::Refusal, PATIENCE);
    let mut refused = 0;
    for number in 0..30 {
        let request = system.http.post(api.url("/api/v1/flashcards")).header("user-id", "ada");
        let answer = request.json(&lesson(&chapter(number, 4))).send().await.unwrap();
        if answer.status() == 429 {
            refused += 1;
            continue;
        }
        let job: Value = answer.json().await.unwrap();
        let ended = system.end_of_user(&api, "ada", job["id"].as_str().unwrap()).await;
        assert_eq!(ended["state"], "failed", "{ended}");
    }
    let calls = system.simulator.arrivals();
    let user = unilingo(&system, "budget show --user ada").await["user"].clone();
    assert!(calls.len() <= 11 && refused >= 19, "{} calls: {user}", calls.len());
    assert_eq!(
        user["tokens"].as_u64(),
        Some(system.simulator.bill().prompt_tokens + system.simulator.bill().completion_tokens)
    );
}

#[tokio::test]
async fn a_worker_without_a_price_refuses_its_own_limit_and_keeps_to_an_operators() {
    let mut system = System::new().await;
    system.set_text("OPENAI_MODEL", "cards".to_owned());
    let mut worker = system.launch("flashcard-worker", &[("BUDGET_FLEET_USD_PER_MONTH", "5")]);
    assert!(!worker.ended().await.success());
    let log = worker.log();
    assert!(log.contains("model cards") && log.contains("OPENAI_PRICES"), "{log}");
    assert_eq!(log.trim().lines().count(), 1, "{log}");

    let (api, worker) = (system.api().await, system.worker("a").await);
    let first = system.submit(&api, &chapter(1, 2)).await;
    assert_eq!(system.end_of(&api, &first).await["state"], "completed", "nothing is limited");
    let output = run(&system, "budget set --user-tokens-per-day 9 --fleet-usd-per-month 5").await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("model cards") && error.contains("OPENAI_PRICES"), "{error}");
    assert_eq!(unilingo(&system, "budget show").await["set"], serde_json::json!({}));
    worker.kill().await;
    // As after its announcement has lapsed.
    let lives = format!("{}:workers:ai-jobs", system.keys.root());
    system.raw::<u64>(&["DEL", &lives]).await;
    unilingo(&system, "budget set --fleet-usd-per-month 5").await;

    let unpriced = system.worker("b").await;
    let told = async {
        while !unpriced.log().contains("takes no jobs until OPENAI_PRICES") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
    let second = system.submit(&api, &chapter(2, 2)).await;
    let waits = system.job(&api, &second).await;
    assert_eq!((&waits["state"], &waits["attempts"]), (&"waiting".into(), &0.into()), "{waits}");
    let errors = unpriced.log().lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(errors, 1, "{}", unpriced.log());
    let priced = system.start("flashcard-worker", &[("OPENAI_PRICES", "cards=0.10/0.50")]).await;
    let done = system.end_of(&api, &second).await;
    assert_eq!((&done["state"], &done["attempts"]), (&"completed".into(), &1.into()), "{done}");
    assert_eq!(system.simulator.arrivals().len(), 2, "one call each: {}", priced.log());
    let fleet = unilingo(&system, "budget show").await["fleet"].clone();
    assert!(fleet["micros"].as_u64() > Some(0), "{fleet}");
}
