//! `unilingo requeue`: failed jobs are put back, each once, whoever does it and whatever dies meanwhile.

use std::{collections::BTreeMap, process::Output, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use shared::{
    config::JobsConfig,
    job::{JobId, kinds::GenerateFlashcards},
    queue::{NewJob, Queue},
    testing::simulator::Fault,
};
use tokio::{process::Command, time::Instant};

use crate::harness::{PATIENCE, Process, QUEUE, System, chapter, jobs_config, path_of};

fn unilingo(system: &System, words: &[&str]) -> Command {
    let mut command = Command::new(path_of("unilingo"));
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

fn lesson(number: usize) -> GenerateFlashcards {
    GenerateFlashcards {
        content: format!("{} Number {number}.", chapter(1, 2)),
        subject: "Biology".to_owned(),
        topic: "Cells".to_owned(),
        native_language: "German".to_owned(),
        target_language: "English".to_owned(),
    }
}

/// So many jobs that have failed, of two users and by two errors in turn, with no process left that could run them.
async fn with_dead_letters(system: &System, letters: usize) -> Vec<JobId> {
    let jobs = JobsConfig { queue_max_waiting: 10_000, ..jobs_config() };
    let queue = Queue::new(system.redis.patient_pool(), "it", jobs);
    let accepted: Vec<JobId> = stream::iter(0..letters)
        .map(|number| {
            let user = if number % 2 == 0 { "ada" } else { "bob" };
            let job = NewJob { listed: true, ..NewJob::new(lesson(number), user) };
            let queue = queue.clone();
            async move { queue.enqueue(&job).await.map(|accepted| accepted.id) }
        })
        .buffer_unordered(64)
        .try_collect()
        .await
        .unwrap();
    for fault in [Fault::BadRequest, Fault::Refusal] {
        system.simulator.fail_next(fault, u32::try_from(letters.div_ceil(2)).unwrap());
    }
    let mut worker = system.worker("doomed").await;
    let dead = system.keys.dead(QUEUE);
    system.until("all have failed", &["ZCARD", &dead], |dead| dead == i64::try_from(letters).unwrap()).await;
    worker.terminate();
    assert!(worker.ended().await.success());
    accepted
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

    let _worker = system.worker("well").await;
    let done = system.keys.done(QUEUE);
    let all = async { while system.raw::<u64>(&["ZCARD", &done]).await < 2_000 {} };
    tokio::time::timeout(PATIENCE * 2, all).await.unwrap();
    assert_eq!(system.raw::<u64>(&["ZCARD", &dead]).await, 0);
}

#[tokio::test]
async fn a_dry_run_changes_no_key_and_a_filter_moves_what_it_names() {
    let system = System::new().await;
    let jobs = with_dead_letters(&system, 120).await;
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
    drop(jobs);
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
