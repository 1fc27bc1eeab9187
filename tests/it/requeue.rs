//! `unilingo requeue`: failed jobs are put back, each once, whoever does it and whatever dies meanwhile.

use std::{collections::BTreeMap, process::Output, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use shared::{
    config::JobsConfig,
    job::{JobId, Kind, QueueName},
    queue::{NewJob, Queue},
};
use tokio::{process::Command, time::Instant};

use crate::harness::{Process, QUEUE, System, jobs_config, path_of};

fn unilingo(system: &System, words: &[&str]) -> Command {
    program("unilingo", system, words)
}

fn program(name: &str, system: &System, words: &[&str]) -> Command {
    let mut command = Command::new(path_of(name));
    command
        .args(words)
        .env("REDIS_URL", system.redis.url())
        .env("QUEUE_PREFIX", "it")
        .stdin(std::process::Stdio::null());
    command
}

async fn run(system: &System, words: &[&str]) -> Output {
    unilingo(system, words).output().await.unwrap()
}

/// Runs it, which must end with `code`; what it says.
async fn ends_with(system: &System, words: &[&str], code: i32) -> Value {
    let output = run(system, &[words, &["--json"]].concat()).await;
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A job of the benches that fails when it is told to (lab/src/bench/noop.rs).
#[derive(serde::Serialize, serde::Deserialize)]
struct Doomed {
    number: usize,
    text: String,
}

impl Kind for Doomed {
    const NAME: &'static str = "bench-doomed";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(1);
}

/// A worker process that does nothing with its jobs, or fails all of them.
fn worker(system: &System, doom: bool) -> Process {
    let words = ["bench", "noop-worker", "--worker-concurrency", "100"];
    let doom = if doom { &["--doom"][..] } else { &[] };
    Process::run(&mut program("lab", system, &[&words[..], doom].concat()))
}

/// So many jobs that have failed, of two users and by two errors in turn, with no process left that could run them.
async fn with_dead_letters(system: &System, letters: usize) -> Vec<JobId> {
    let jobs = JobsConfig { queue_max_waiting: 10_000, ..jobs_config() };
    let queue = Queue::new(system.redis.patient_pool(), "it", jobs);
    let enqueued = stream::iter(0..letters).map(|number| {
        let payload = Doomed { number, text: "x".repeat(300) };
        let user = if number % 4 < 2 { "ada" } else { "bob" };
        let (job, queue) = (NewJob { listed: true, ..NewJob::new(payload, user) }, queue.clone());
        async move { queue.enqueue(&job).await.map(|accepted| accepted.id) }
    });
    let jobs: Vec<JobId> = enqueued.buffer_unordered(64).try_collect().await.unwrap();
    let (mut worker, dead) = (worker(system, true), system.keys.dead(QUEUE));
    system.until("all have failed", &["ZCARD", &dead], |dead| dead == i64::try_from(letters).unwrap()).await;
    worker.terminate();
    assert!(worker.ended().await.success());
    jobs
}

/// Every key that will not go by itself within a minute, as it is.
async fn everything(system: &System) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for key in system.raw::<Vec<String>>(&["KEYS", "*"]).await {
        let ttl: i64 = system.raw(&["PTTL", &key]).await;
        if ttl == -1 || ttl > 60_000 {
            all.insert(key.clone(), system.raw(&["DUMP", &key]).await);
        }
    }
    all
}

async fn requeued(system: &System, id: JobId) -> String {
    system.raw::<Option<String>>(&["HGET", &system.keys.job(id), "requeued"]).await.unwrap_or_default()
}

#[tokio::test]
async fn two_at_once_of_which_one_is_killed_move_each_letter_once() {
    let system = System::new().await;
    let jobs = with_dead_letters(&system, 2_000).await;
    let (dead, unfinished) = (system.keys.dead(QUEUE), system.keys.deadlines(QUEUE));
    let start = || {
        // Slow enough to be killed in its midst.
        Process::run(&mut unilingo(&system, &["requeue", "--all", "--yes", "--rate", "1000/s"]))
    };
    let (mut survivor, victim) = (start(), start());
    system.until("many are back", &["ZCARD", &unfinished], |jobs| jobs >= 500).await;
    victim.kill().await;
    let left: u64 = system.raw(&["ZCARD", &dead]).await;
    assert!(left > 0, "it was not killed in its midst");
    let end = survivor.ended().await;
    assert!(end.success(), "{end}: {}", survivor.log());

    let counts: (u64, u64) = (system.raw(&["ZCARD", &dead]).await, system.raw(&["ZCARD", &unfinished]).await);
    assert_eq!(counts, (0, 2_000));
    for id in &jobs {
        assert_eq!(requeued(&system, *id).await, "1", "{id}");
    }
    let again = ends_with(&system, &["requeue", "--all", "--yes"], 3).await;
    assert_eq!(again["matched"], 0);

    let _worker = worker(&system, false);
    system.until("all end well", &["ZCARD", &system.keys.done(QUEUE)], |done| done == 2_000).await;
    assert_eq!(system.raw::<u64>(&["ZCARD", &dead]).await, 0);
}

#[tokio::test]
async fn a_dry_run_changes_no_key_and_a_filter_moves_what_it_names() {
    let system = System::new().await;
    with_dead_letters(&system, 120).await;
    let before = everything(&system).await;
    assert!(before.len() > 120, "{:?}", before.keys());
    let shown = ends_with(&system, &["requeue", "--all", "--dry-run"], 0).await;
    assert_eq!((&shown["matched"], &shown["dry_run"]), (&120.into(), &true.into()), "{shown}");
    let errors = shown["errors"].as_object().unwrap();
    assert_eq!(errors.len(), 2, "{shown}");
    assert_eq!(errors.values().map(|group| group["letters"].as_u64().unwrap()).sum::<u64>(), 120);
    let unasked = run(&system, &["requeue", "--all"]).await;
    assert_eq!(unasked.status.code(), Some(2));
    let advice = String::from_utf8(unasked.stderr).unwrap();
    assert!(advice.contains("120 dead letters") && advice.contains("--yes"), "{advice}");
    assert_eq!(run(&system, &["dead", "purge", "--all"]).await.status.code(), Some(2));
    assert_eq!(ends_with(&system, &["dead", "list", "--limit", "7"], 0).await.as_array().unwrap().len(), 7);
    assert_eq!(ends_with(&system, &["requeue", "--user", "eve"], 3).await["matched"], 0);
    let after = everything(&system).await;
    let changed: Vec<_> = before.iter().filter(|(key, value)| after.get(*key) != Some(value)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{changed:?}");

    let code = errors.keys().next().unwrap();
    let filter = ["requeue", "--user", "ada", "--error", &format!("^{code}$"), "--since", "1h", "--limit", "3"];
    let moved = ends_with(&system, &filter, 0).await;
    assert_eq!(
        (&moved["matched"], &moved["put_back"], &moved["in_line"]),
        (&3.into(), &3.into(), &3.into()),
        "{moved}"
    );
    assert_eq!(ends_with(&system, &["requeue", "--all", "--until", "1h"], 3).await["matched"], 0);

    let left = ends_with(&system, &["dead", "list", "--limit", "500"], 0).await;
    let id = left[0]["id"].as_str().unwrap();
    assert_eq!(ends_with(&system, &["requeue", id], 0).await["put_back"], 1);
    let stranger = ends_with(&system, &["requeue", id, &JobId::new().to_string()], 3).await;
    assert_eq!((&stranger["matched"], &stranger["no_dead_letters"]), (&0.into(), &2.into()), "{stranger}");
    let purged = ends_with(&system, &["dead", "purge", "--user", "bob", "--yes"], 0).await;
    let purged = purged["purged"].as_u64().unwrap();
    assert!((59..=60).contains(&purged), "{purged}");
    let dead: u64 = system.raw(&["ZCARD", &system.keys.dead(QUEUE)]).await;
    assert_eq!(dead, 120 - 3 - 1 - purged);
}

#[tokio::test]
async fn no_flood_follows_a_rate() {
    let system = System::new().await;
    with_dead_letters(&system, 30).await;
    let began = Instant::now();
    let moved = ends_with(&system, &["requeue", "--all", "--rate", "20/s"], 0).await;
    assert_eq!(moved["put_back"], 30);
    assert!(began.elapsed() >= Duration::from_millis(1_300), "{:?}", began.elapsed());
}
