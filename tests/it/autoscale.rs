//! A burst takes workers to the number that the window can feed, and no further; when it is over, one is left. No job is lost, and
//! none is run twice, though workers are stopped while others come.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use shared::{
    config::JobsConfig,
    job::{JobId, QueueName, kinds::GenerateFlashcards},
    queue::{NewJob, Queue, line_figures},
    workers::live_workers,
};
use tokio::{process::Command, time::timeout};

use crate::harness::{Process, QUEUE, System, chapter, jobs_config, path_of};

const JOBS: usize = 2_000;
/// Calls a window of 3 s, which with its guard is 3.15 s: 67 a second.
const RATE: u32 = 210;
const WINDOW_MS: u32 = 3_000;
/// What a call takes: 67 a second of them keep 53 slots busy, and with what is between two calls 59.
const CALL: Duration = Duration::from_millis(800);
const SLOTS: u32 = 29;
/// ⌈59 / 29⌉. Only calls of more than 1.18 s would need another one.
const FED: usize = 3;
const MAX: usize = 10;

/// Brings the workers to a number, as a platform does: starts those that are missing, and asks those beyond to stop.
const PLATFORM: &str = r#"#!/bin/sh
set -eu
cd "$FOLDER"
echo "$1 $2" >>calls
n=1
while [ "$n" -le "$MOST" ]; do
    if [ "$n" -le "$2" ] && [ ! -e "$n.pid" ]; then
        PORT=0 RAILWAY_REPLICA_ID="w$n" "$WORKER" >>"$n.log" 2>&1 &
        echo $! >"$n.pid"
    elif [ "$n" -gt "$2" ] && [ -e "$n.pid" ]; then
        kill -TERM "$(cat "$n.pid")"
        rm "$n.pid"
    fi
    n=$((n + 1))
done
"#;

/// The platform that workers run on. None is left when it is dropped.
struct Platform {
    folder: tempfile::TempDir,
    script: PathBuf,
    environment: Vec<(String, String)>,
}

impl Platform {
    fn new(system: &System) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("scale.sh");
        fs::write(&script, PLATFORM).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let own = [
            ("FOLDER", path_text(folder.path())),
            ("MOST", MAX.to_string()),
            ("WORKER", path_text(&path_of("flashcard-worker"))),
        ];
        let environment = system.settings().chain(own.iter().map(|(name, value)| (*name, value.as_str())));
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { folder, script, environment }
    }

    /// `unilingo` as an operator of this platform runs it.
    fn unilingo(&self, words: &[&str]) -> Command {
        let mut command = Command::new(path_of("unilingo"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).args(words);
        command
    }

    fn exec(&self) -> String {
        format!("{} {{service}} {{replicas}}", self.script.display())
    }

    /// What it was told: service and replicas.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// What the workers have logged.
    fn logs(&self) -> String {
        let numbers = 1..=MAX;
        numbers.filter_map(|n| fs::read_to_string(self.folder.path().join(format!("{n}.log"))).ok()).collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let mut stop = std::process::Command::new(&self.script);
        stop.args(["flashcard-worker", "0"]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        let _ = stop.stdin(Stdio::null()).status();
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn lesson(number: usize) -> GenerateFlashcards {
    GenerateFlashcards {
        content: chapter(number, 1),
        subject: "Biology".to_owned(),
        topic: "Photosynthesis".to_owned(),
        native_language: "German".to_owned(),
        target_language: "English".to_owned(),
    }
}

/// Puts all jobs into the queue; their ids.
async fn burst(system: &System) -> Vec<JobId> {
    let jobs = JobsConfig { queue_max_waiting: 10_000, ..jobs_config() };
    let queue = Queue::new(system.redis.patient_pool(), "it", jobs);
    let mut ids = Vec::new();
    for number in 0..JOBS {
        ids.push(queue.enqueue(&NewJob::new(lesson(number), "ada")).await.unwrap().id);
    }
    ids
}

#[tokio::test]
async fn a_burst_takes_workers_to_what_the_window_feeds_and_back() {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_RPM", RATE);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set_text("RUST_LOG", "warn".to_owned());
    system.set("WORKER_CONCURRENCY", SLOTS);
    system.set("LEASE_SECONDS", 10);
    system.simulator.set_latency(CALL);
    let platform = Platform::new(&system);
    let exec = platform.exec();
    let mut command = platform.unilingo(&["autoscale", "--min", "1", "--max", "10", "--exec", &exec]);
    command.args(["--interval", "0.5", "--down-after", "2", "--settle", "10", "--wait", "1"]);
    command.args(["--service", "flashcard-worker", "--json"]);
    let mut autoscale = Process::run(&mut command);

    let redis = system.redis.patient_pool();
    let look = async || {
        let workers = live_workers(&redis, &system.keys, QueueName::Ai).await.unwrap().len();
        (workers, line_figures(&redis, &system.keys, QueueName::Ai).await.unwrap().unfinished)
    };
    system.until("one worker is there", &["ZCARD", &system.keys.workers(QUEUE)], |workers| workers == 1).await;
    let ids = burst(&system).await;
    let mut most = 0;
    // Looking costs the processors that the workers need.
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    let watching = async {
        loop {
            looks.tick().await;
            let (workers, unfinished) = look().await;
            most = most.max(workers);
            if (workers, unfinished) == (1, 0) {
                break;
            }
        }
    };
    let watched = timeout(Duration::from_secs(90), watching).await;
    assert!(watched.is_ok(), "never done: {:?}\n{}\n{}", platform.calls(), autoscale.log(), platform.logs());
    assert_eq!(most, FED, "{:?}\n{}", platform.calls(), autoscale.log());

    autoscale.terminate();
    assert!(autoscale.ended().await.success(), "{}", autoscale.log());
    let calls = platform.calls();
    assert_eq!(
        (calls.first().unwrap().as_str(), calls.last().unwrap().as_str()),
        ("flashcard-worker 1", "flashcard-worker 1")
    );
    let lines = autoscale.log();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let limited = lines.iter().filter(|line| line["reason"] == "limit" && line["limit"] == "rpm");
    assert!(limited.count() > 0, "it never says that more workers do not help");

    let ended: [u64; 2] = [
        system.raw(&["ZCARD", &system.keys.done(QUEUE)]).await,
        system.raw(&["ZCARD", &system.keys.dead(QUEUE)]).await,
    ];
    assert_eq!(ended, [JOBS as u64, 0], "completed, and dead");
    for id in ids {
        assert_eq!(system.simulator.calls_of(id).len(), 1, "{id}");
    }
    assert_eq!(system.simulator.arrivals().len(), JOBS);
}

#[tokio::test]
async fn a_dry_run_does_nothing_and_a_command_that_fails_is_told() {
    let system = System::new().await;
    let platform = Platform::new(&system);
    let once = ["autoscale", "--once", "--json", "--service", "flashcard-worker"];
    let exec = platform.exec();
    let dry = platform.unilingo(&[&once[..], &["--dry-run", "--exec", &exec]].concat()).output().await.unwrap();
    let line: Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert!(dry.status.success() && line["scaled_to"] == 1 && line["current"] == 0, "{dry:?}");
    assert_eq!(line["command"], exec.replace("{service}", "flashcard-worker").replace("{replicas}", "1"));
    assert_eq!(platform.calls(), Vec::<String>::new());

    let failing = platform.unilingo(&[&once[..], &["--exec", "echo no {service} >&2; exit {replicas}"]].concat());
    let failed = { failing }.output().await.unwrap();
    let line: Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert!(!failed.status.success() && line["error"].as_str().unwrap().contains("no flashcard-worker"), "{line}");

    let advice = platform.unilingo(&["scale-advice", "--json"]).output().await.unwrap();
    let advice: Value = serde_json::from_slice(&advice.stdout).unwrap();
    let commands: Vec<_> = advice["services"].as_array().unwrap().iter().map(|one| one["command"].clone()).collect();
    assert_eq!(commands[1], "railway scale --service flashcard-worker eu-west=1", "{advice}");
}
