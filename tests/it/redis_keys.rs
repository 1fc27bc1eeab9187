//! `docs/REDIS_KEYS.md` names the keys that exist, and no others.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use shared::{
    api_keys::ApiKeys,
    breaker,
    budget::{Budget, Limit, Limits},
    job::{Kind, kinds::GenerateFlashcards},
    limiter::{Group, LimitName, set_limits},
    queue::{Meeting, NewJob, Queue},
    testing::simulator::Fault,
    users::Users,
};

use crate::harness::{System, chapter, jobs_config};

const DOCUMENT: &str = include_str!("../../docs/REDIS_KEYS.md");

#[tokio::test]
async fn every_key_is_documented_and_every_documented_key_exists() {
    let mut system = System::new().await;
    system.set("OPENAI_CHUNK_TOKENS", 300);
    // Long enough that nothing of it has slid out at the end.
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_TPM", 10_000_000);
    system.set("USER_AI_LIMIT_PER_MIN", 1_000);
    let api = system.api().await;
    let queue = Queue::new(system.redis.patient_pool(), "it", jobs_config());
    let corrupt = system.submit(&api, &chapter(1, 2)).await;
    system.raw::<String>(&["SET", &system.keys.job(corrupt.parse().unwrap()), "no hash"]).await;
    let later = NewJob { delay: Duration::from_mins(10), ..NewJob::new(payload(), "ada") };
    queue.enqueue(&later).await.unwrap();

    let pool = system.redis.patient_pool();
    breaker::open_breaker(&pool, &system.keys, "azure").await.unwrap();
    let budget = Budget::new(pool.clone(), system.keys.clone(), Limits::default());
    budget.set_limit(Limit::UserTokensPerDay, Some(1_000_000)).await.unwrap();
    ApiKeys::new(pool.clone(), system.keys.clone()).create("a server", BTreeSet::new()).await.unwrap();
    Users::new(queue.clone()).suspend("mallory", "too many").await.unwrap();
    let group = Group::new("openai", "gpt-6-luna");
    set_limits(&pool, &system.keys, &group, &[(LimitName::Rpm, Some(100_000))]).await.unwrap();
    // What a refused parameter leaves; `openai_parameters` shows that it does.
    system.raw::<u64>(&["HSET", &system.keys.parameters(&group), "address:host", "api.example"]).await;
    // What an upstream leaves that says something of its model; `misconfiguration` shows that it does.
    system.raw::<u64>(&["HSET", &system.keys.model_finding(&group), "served", "1"]).await;
    for fault in [Fault::BadRequest, Fault::ServerError, Fault::RateLimit] {
        system.simulator.fail_next(fault, 1);
    }
    let _worker = system.worker("a").await;
    let failed = system.submit(&api, &chapter(2, 2)).await;
    assert_eq!(system.end_of(&api, &failed).await["state"], "failed");
    let completed = system.submit(&api, &chapter(3, 2)).await;
    assert_eq!(system.end_of(&api, &completed).await["state"], "completed");
    // In its middle: the second of several calls is on its way.
    system.simulator.set_latency(Duration::from_millis(300));
    let running = system.submit(&api, &chapter(4, 11)).await;
    let checkpoints = system.keys.checkpoints(running.parse().unwrap());
    system.until("a part is recorded", &["HLEN", &checkpoints], |parts| parts >= 1).await;
    system.simulator.hold();
    let recording = Some("a recording".into());
    queue.enqueue(&NewJob { recording, ..NewJob::new(Unheard, "ada") }).await.unwrap();
    let again = NewJob { idempotency_key: Some("tap".to_owned()), ..NewJob::new(payload(), "ada") };
    queue.enqueue(&again).await.unwrap();
    assert_eq!(queue.enqueue(&NewJob::new(payload(), "eve")).await.unwrap().meeting, Meeting::Joined);
    // What refusals and lost workers leave; the queue's own tests show that they do.
    for (key, member) in [
        ("aside:ai-jobs:unheard-of@1:bulk", "a job"),
        ("suspects:ai-jobs:unheard-of@1", "a job"),
        ("lost:ai-jobs", "a worker"),
        ("newcomers:ai-jobs:bulk", "1"),
        ("accused:openai:gpt-6-luna", "a job"),
    ] {
        system.raw::<u64>(&["ZADD", &format!("{{it}}:{key}"), "1", member]).await;
    }
    // A worker that sees a step of the clock; `limits/recovery.rs` shows that it does.
    for key in ["suspects_of:a worker", "doubt:openai", "step:openai:gpt-6-luna"] {
        system.raw::<u64>(&["HSET", &format!("{{it}}:{key}"), "n", "1"]).await;
    }
    // What the end of a job with very many followers leaves to the next take; nobody takes from this queue here.
    system.raw::<u64>(&["ZADD", "{it}:releases:audio-jobs", "1", &completed]).await;

    let keys: Vec<String> = system.raw(&["KEYS", "*"]).await;
    let seen: BTreeSet<String> = keys.iter().map(|key| pattern_of(key)).collect();
    assert_eq!(seen, documented(), "keys: {keys:#?}");
}

/// A kind that no worker here knows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Unheard;

impl Kind for Unheard {
    const NAME: &'static str = "unheard-of";
    const VERSION: u32 = 1;
    const QUEUE: shared::job::QueueName = GenerateFlashcards::QUEUE;
}

fn payload() -> GenerateFlashcards {
    serde_json::from_value::<GenerateFlashcards>(serde_json::json!({
        "content": "Cells.", "subject": "Biology", "topic": "Cells",
        "native_language": "German", "target_language": "English",
    }))
    .unwrap()
}

/// The patterns in the first column of the document's first table.
fn documented() -> BTreeSet<String> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `{prefix}:")?.split_once('`'));
    rows.map(|(pattern, _)| pattern.to_owned()).collect()
}

/// What a key is an example of.
fn pattern_of(key: &str) -> String {
    let parts: Vec<&str> = key.strip_prefix("{it}:").unwrap_or(key).split(':').collect();
    match parts.as_slice() {
        [name @ ("job" | "checkpoints" | "attempts" | "corrupt" | "result" | "recording" | "followers"), _] => {
            format!("{name}:<id>")
        }
        [name @ ("waiting" | "aside"), _, _, _] => format!("{name}:<queue>:<lane>:<class>"),
        [name @ ("wake" | "suspects"), _, _] => format!("{name}:<queue>:<lane>"),
        [name @ ("shares" | "newcomers"), _, _] => format!("{name}:<queue>:<class>"),
        [name @ ("breaker" | "failures" | "doubt"), _] => format!("{name}:<provider>"),
        ["answers", _, _] => "answers:<provider>:<slice>".to_owned(),
        [name, "openai", _] => format!("{name}:<group>"),
        [name @ ("api_keys" | "budget" | "bytes" | "cached" | "epoch" | "metrics" | "suspended" | "users")] => {
            (*name).to_owned()
        }
        [name @ ("leader" | "answer" | "idempotency"), _] => format!("{name}:<digest>"),
        ["model_check", _] => "model_check:<settings>".to_owned(),
        ["api_key", _] => "api_key:<id>".to_owned(),
        [name @ ("jobs_of" | "user"), _] => format!("{name}:<user>"),
        [name @ ("day" | "unique"), _] => format!("{name}:<day>"),
        ["asked_at", _, ..] => "asked_at:<limit>:<subject>".to_owned(),
        ["repeat", _, _] => "repeat:<digest>:<user>".to_owned(),
        ["spend", "user", _, _] => "spend:user:<day>:<user>".to_owned(),
        ["spend", "fleet", _] => "spend:fleet:<month>".to_owned(),
        [name @ ("take" | "worker" | "suspects_of"), _] => format!("{name}:<worker>"),
        [name, _] => format!("{name}:<queue>"),
        _ => key.to_owned(),
    }
}

/// The fields of a job that has gone through everything are those of the document's second table.
#[tokio::test]
async fn every_field_of_a_job_is_documented() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.fail_next(Fault::ServerError, 1);
    let id = system.submit(&api, &chapter(1, 2)).await;
    let job: Value = system.end_of(&api, &id).await;
    assert_eq!(job["attempts"], 2);
    let (_, fields) = DOCUMENT.split_once("## Fields of a job").unwrap();
    for field in system.raw::<Vec<String>>(&["HKEYS", &system.keys.job(id.parse().unwrap())]).await {
        assert!(fields.contains(&format!("`{field}`")), "{field} is not documented");
    }
}
