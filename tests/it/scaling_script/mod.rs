//! `tests/test-horizontal-scaling.sh`: what it finds right, and the line on which it fails where something is wrong.

mod stand_in;

use std::{path::PathBuf, time::Duration};

use shared::testing::TestRedis;
use tokio::process::Command;

use self::stand_in::StandIn;
use crate::harness::{Process, RoundRobin, System, path_of};

/// What the script said.
struct Report {
    passed: Vec<String>,
    failed: Vec<String>,
    skipped: Vec<String>,
    /// Its last lines.
    summary: Vec<String>,
    code: Option<i32>,
    /// All of it.
    text: String,
}

impl Report {
    fn of(output: &std::process::Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let lines = |mark: &str| text.lines().filter_map(|line| line.strip_prefix(mark)).map(str::to_owned).collect();
        let (_, summary) = text.rsplit_once("\n\n").unwrap_or_else(|| panic!("no summary: {output:?}"));
        Self {
            passed: lines("✓ PASS: "),
            failed: lines("✗ FAIL: "),
            skipped: lines("- SKIP: "),
            summary: summary.lines().map(str::to_owned).collect(),
            code: output.status.code(),
            text: text.clone(),
        }
    }

    /// One line failed, and it is one of these: which replica is asked first is a matter of the proxy.
    #[track_caller]
    fn assert_failed(&self, either: &[String], passed: usize, skipped: &[&str]) {
        assert_eq!((self.failed.len(), self.code), (1, Some(1)), "{}", self.text);
        assert!(either.contains(&self.failed[0]), "{}\nand not {either:?}", self.text);
        assert_eq!(self.skipped, skipped, "{}", self.text);
        assert_eq!(self.passed.len(), passed, "{}", self.text);
        assert_eq!(self.summary[..2], [format!("Passed: {passed}"), "Failed: 1".to_owned()], "{}", self.text);
    }
}

fn script() -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test-horizontal-scaling.sh");
    let mut command = Command::new(path);
    for variable in ["BACKEND_URL", "TOKEN", "TEST_USER", "ADMIN_TOKEN", "EXPECT_REPLICAS", "FLEET_JOBS", "JOB_WAIT"] {
        command.env_remove(variable);
    }
    command
}

async fn full(backend: &str) -> Report {
    let output = script().args(["--full", backend]).env("EXPECT_REPLICAS", "2").env("JOB_WAIT", "4").output().await;
    Report::of(&output.unwrap())
}

/// The limits that a deployment has, in windows that are as long as real ones.
async fn deployment() -> System {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 50);
    system.set("USER_AI_LIMIT_PER_MIN", 20);
    system.set("IP_AI_LIMIT_PER_MIN", 40);
    system.simulator.set_latency(Duration::from_millis(100));
    system
}

impl System {
    async fn replica(&self, more: &[(&str, &str)]) -> Process {
        self.start("api", more).await
    }

    /// How `replica` names itself.
    async fn name_of(&self, replica: &Process) -> String {
        let answer = self.http.get(replica.url("/api/health")).send().await.unwrap();
        answer.headers()["x-replica-id"].to_str().unwrap().to_owned()
    }

    async fn four_workers(&self) -> [Process; 4] {
        [self.worker("a").await, self.worker("b").await, self.worker("c").await, self.worker("d").await]
    }
}

#[tokio::test]
async fn six_checks_need_an_address_alone() {
    let mut system = deployment().await;
    system.set_text("ADMIN_TOKEN", "an-admin".to_owned());
    let api = system.api().await;
    let ask = async |variables: &[(&str, &str)]| {
        Report::of(&script().env("BACKEND_URL", api.url("/")).envs(variables.iter().copied()).output().await.unwrap())
    };
    let report = ask(&[]).await;
    assert_eq!((&report.failed, report.code), (&Vec::new(), Some(0)), "{}", report.text);
    let average = report.passed[3].strip_suffix("ms)").and_then(|line| line.rsplit_once(" ("));
    assert!(average.is_some_and(|(_, ms)| ms.parse::<u32>().unwrap() < 500), "{}", report.text);
    assert_eq!(average.unwrap().0, "Average response time < 500ms");
    assert_eq!(
        report.passed[..3],
        ["Health check returned 200", "All 5 concurrent requests succeeded", "AI endpoint responding (HTTP 202)"]
    );
    assert_eq!(
        report.passed[4..],
        ["Metrics endpoint returned 403", "Replicas seen by X-Replica-Id: 1 (at least 1 expected)"]
    );
    assert_eq!(report.summary, ["Passed: 6", "Failed: 0"]);
    assert!(!report.text.contains('\u{1b}'), "colours are for terminals");

    let opened = ask(&[("ADMIN_TOKEN", "an-admin"), ("EXPECT_REPLICAS", "2")]).await;
    assert!(opened.passed.contains(&"Metrics endpoint returned 200".to_owned()), "{}", opened.text);
    opened.assert_failed(&["Replicas seen by X-Replica-Id: 1, and not 2".to_owned()], 5, &[]);
}

#[tokio::test]
async fn wrong_usage_is_told_apart_from_a_failed_check() {
    for (words, complaint) in [
        (&[][..], "Set BACKEND_URL"),
        (&["ftp://localhost"], "not an http address: ftp://localhost"),
        (&["http://a", "http://b"], "one address is enough: http://b"),
        (&["--all", "http://a"], "no such option: --all"),
    ] {
        let output = script().args(words).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(complaint), "{words:?}: {error}");
        assert!(error.contains("Usage: ") && output.stdout.is_empty(), "{words:?}: {error}");
    }
    let help = script().arg("--help").output().await.unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.contains("Examples:") && text.contains("EXPECT_REPLICAS"), "{text}");
    let nobody = script().arg(format!("http://127.0.0.1:{}", shared::testing::free_port().unwrap())).output().await;
    let report = Report::of(&nobody.unwrap());
    assert_eq!((report.summary, report.code), (vec!["Passed: 0".to_owned(), "Failed: 1".to_owned()], Some(1)));
}

#[tokio::test]
async fn two_replicas_and_four_workers_are_one_system() {
    let system = deployment().await;
    let (one, two, _workers) = (system.replica(&[]).await, system.replica(&[]).await, system.four_workers().await);
    let report = full(&RoundRobin::before(&[&one, &two]).await.url("")).await;
    assert_eq!((report.failed.len(), report.skipped.len(), report.code), (0, 0, Some(0)), "{}", report.text);
    assert_eq!(
        report.passed[6..],
        [
            "Job submitted through one replica is seen through every other (2 replicas)",
            "Job ended: completed",
            "Per-user limit is global: 20 a minute, counted by 2 replicas together",
            "Fleet's limit is one: all 5 calls of this run are in the window that 2 replicas show (6 of 50)",
        ]
    );
    assert_eq!(report.summary, ["Passed: 10", "Failed: 0"]);
    assert_eq!(system.simulator.arrivals().len(), 6, "five calls, and that of the six checks");
}

#[tokio::test]
async fn a_token_says_who_asks_where_the_request_may_not() {
    let mut system = deployment().await;
    system.set_text("AUTH", "api-key".to_owned());
    let (one, two, _workers) = (system.replica(&[]).await, system.replica(&[]).await, system.four_workers().await);
    let proxy = RoundRobin::before(&[&one, &two]).await;
    let report = Report::of(&script().arg(proxy.url("")).output().await.unwrap());
    report.assert_failed(
        &["AI endpoint refused the request (HTTP 401, UNAUTHENTICATED): set TOKEN".to_owned()],
        5,
        &[],
    );

    let mut create = Command::new(path_of("unilingo"));
    create.args(["keys", "create", "--name", "staging", "--json"]);
    let created = create.envs([("REDIS_URL", system.redis.url().as_str()), ("QUEUE_PREFIX", "it")]).output().await;
    let created: serde_json::Value = serde_json::from_slice(&created.unwrap().stdout).unwrap();
    let asking =
        script().args(["--full", &proxy.url("")]).env("TOKEN", created["text"].as_str().unwrap()).output().await;
    let report = Report::of(&asking.unwrap());
    assert_eq!(report.summary, ["Passed: 10", "Failed: 0"], "{}", report.text);
}

#[tokio::test]
async fn a_replica_with_another_redis_is_found() {
    let system = deployment().await;
    let other = TestRedis::start().await.unwrap();
    let one = system.replica(&[]).await;
    let two = system.replica(&[("REDIS_URL", &other.url())]).await;
    let _workers = system.four_workers().await;
    let report = full(&RoundRobin::before(&[&one, &two]).await.url("")).await;
    let (one, two) = (system.name_of(&one).await, system.name_of(&two).await);
    let line = |by: &str, through: &str| {
        format!(
            "Job submitted through replica {by} is not seen through replica {through}: do they share one Redis and one QUEUE_PREFIX?"
        )
    };
    let skipped = ["Job ends, per-user limit, fleet's limit: they need replicas that share one Redis"];
    report.assert_failed(&[line(&one, &two), line(&two, &one)], 6, &skipped);
}

#[tokio::test]
async fn a_system_without_a_worker_is_found() {
    let system = deployment().await;
    let (one, two) = (system.replica(&[]).await, system.replica(&[]).await);
    let report = full(&RoundRobin::before(&[&one, &two]).await.url("")).await;
    let line = "Job did not end within 4 s, it is waiting: does a flashcard worker run on this Redis?".to_owned();
    report.assert_failed(&[line], 8, &["Fleet's limit: no job ends"]);
}

#[tokio::test]
async fn workers_with_limits_of_their_own_are_found() {
    let system = deployment().await;
    let (one, two) = (system.replica(&[]).await, system.replica(&[]).await);
    // The names of one model, whose calls the upstream counts together: each worker keeps to the limit for itself.
    let mut workers = vec![system.worker("a").await];
    for name in ["gpt-4o-mini-1", "gpt-4o-mini-2", "gpt-4o-mini-3"] {
        workers.push(system.start("flashcard-worker", &[("OPENAI_MODEL", name)]).await);
    }
    let report = full(&RoundRobin::before(&[&one, &two]).await.url("")).await;
    let (one, two) = (system.name_of(&one).await, system.name_of(&two).await);
    let mut either = Vec::new();
    for (calls, replica) in [4, 5].iter().flat_map(|calls| [(calls, &one), (calls, &two)]) {
        either.extend((0..*calls).map(|counted| {
            format!(
                "Fleet's limit is not one: {calls} calls were made within a minute, and its window counts {counted} of them at replica {replica}. Have all workers the same OPENAI_MODEL, and is the api's the same?"
            )
        }));
    }
    report.assert_failed(&either, 9, &[]);
}

#[tokio::test]
async fn replicas_with_different_limits_are_found() {
    let system = deployment().await;
    let one = system.replica(&[]).await;
    let two = system.replica(&[("USER_AI_LIMIT_PER_MIN", "0")]).await;
    let _workers = system.four_workers().await;
    let report = full(&RoundRobin::before(&[&one, &two]).await.url("")).await;
    let (one, two) = (system.name_of(&one).await, system.name_of(&two).await);
    let either = [
        format!("Per-user limit is not the same everywhere: none at replica {two}, 20 at replica {one}"),
        format!("Per-user limit is not the same everywhere: 20 at replica {one}, none at replica {two}"),
    ];
    report.assert_failed(&either, 9, &[]);
}

/// Ours can't be made to do that: jobs, limits and windows of all processes are in one Redis.
#[tokio::test]
async fn a_backend_whose_processes_count_for_themselves_is_found() {
    let report = full(&StandIn::start().await.url()).await;
    assert_eq!((report.passed.len(), report.failed.len(), report.code), (8, 2, Some(1)), "{}", report.text);
    let [user, fleet] = [&report.failed[0], &report.failed[1]];
    assert!(
        user.starts_with("Per-user limit is kept per replica: ") && user.contains(" left at replica one"),
        "{user}"
    );
    assert!(fleet.starts_with("Fleet's limit is not one: 5 calls were made within a minute, and "), "{fleet}");
}
