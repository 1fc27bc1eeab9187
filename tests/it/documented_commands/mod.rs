//! Every command of README and guide that can run here runs here, as it stands there, against a small system.

mod commands;
mod fates;

use std::{collections::BTreeSet, path::PathBuf, process::Output, time::Duration};

use serde_json::Value;
use shared::testing::simulator::Fault;
use tokio::process;

use self::{
    commands::{Command, commands},
    fates::{FATES, Fate, fate_of},
};
use crate::harness::{Process, System, chapter, path_of};

const README: &str = include_str!("../../../README.md");
const GUIDE: &str = include_str!("../../../HORIZONTAL_SCALING_GUIDE.md");
const ADMIN: &str = "an-admin";

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What the operator of a system has around: our programs on the path, and the address of Redis.
struct Shell<'a> {
    system: &'a System,
    api: &'a Process,
    /// The job that a command was answered with last, for `<id>`.
    job: Option<String>,
    /// Where curl finds its settings: what the server refuses is a failure.
    home: tempfile::TempDir,
}

impl<'a> Shell<'a> {
    fn beside(system: &'a System, api: &'a Process) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".curlrc"), "fail\nmax-time = 30\n").unwrap();
        Self { system, api, job: None, home }
    }

    async fn run(&self, command: &str, patience: Option<u64>) -> Output {
        let programs = path_of("unilingo").parent().unwrap().to_owned();
        let text = command
            .replace("localhost:3001", &format!("127.0.0.1:{}", self.api.port()))
            .replace("target/release/", &format!("{}/", programs.display()))
            .replace("$PWD/target/debug", &programs.display().to_string())
            .replace("redis://127.0.0.1:6390", &self.system.redis.url())
            .replace("<id>", self.job.as_deref().unwrap_or("<id>"));
        let (program, before) = match patience {
            Some(seconds) => ("timeout", vec!["--signal=INT".to_owned(), seconds.to_string(), "bash".to_owned()]),
            None => ("bash", Vec::new()),
        };
        let path = format!("{}:{}", programs.display(), std::env::var_os("PATH").unwrap().to_str().unwrap());
        let mut shell = process::Command::new(program);
        shell.args(before).args(["-euc", &text]).current_dir(top()).stdin(std::process::Stdio::null());
        shell.envs([("PATH", path.as_str()), ("REDIS_URL", &self.system.redis.url()), ("QUEUE_PREFIX", "it")]);
        shell.envs([("ADMIN_TOKEN", ADMIN), ("CURL_HOME", self.home.path().to_str().unwrap())]);
        shell.env("UNILINGO_URL", self.api.url(""));
        for variable in ["TOKEN", "TEST_USER", "EXPECT_REPLICAS", "FLEET_JOBS", "JOB_WAIT", "BACKEND_URL"] {
            shell.env_remove(variable);
        }
        shell.kill_on_drop(true).output().await.unwrap()
    }

    /// What the document says next is said of a system that is as it was.
    async fn reset(&self) {
        for command in ["queue resume ai-jobs", "breaker close", "budget unkill", "budget unset", "limits unset"] {
            let output = self.run(&format!("unilingo {command}"), None).await;
            assert!(output.status.success(), "{command}: {output:?}");
        }
    }
}

/// The command with its words up to the first that is an option or a value of its own, and `--help`.
fn help_of(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').take_while(|word| !word.starts_with("--")).collect();
    format!("{} --help", words.join(" "))
}

/// Runs what can be run of `document`, and says what of it did not go well.
async fn troubles(document: &str) -> Vec<String> {
    let mut system = System::new().await;
    system.set_text("ADMIN_TOKEN", ADMIN.to_owned());
    // As deployments have it, so that there is something to show; and windows that no command has to wait for.
    system.set("OPENAI_RATE_LIMIT_RPM", 1_000);
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let _speech = system.start("pronunciation-worker", &[]).await;
    // Some dead letters, for those who put them back.
    for number in 0..3 {
        system.simulator.fail_next(Fault::BadRequest, 1);
        let id = system.submit(&api, &chapter(10 + number, 1)).await;
        assert_eq!(system.end_of(&api, &id).await["state"], "failed");
    }
    let mut shell = Shell::beside(&system, &api);
    let (mut troubles, mut block) = (Vec::new(), 0);
    for command in commands(document) {
        if command.block != block {
            block = command.block;
            shell.reset().await;
        }
        let fate = FATES[fate_of(&command)].1;
        let (text, patience, codes): (String, _, &[i32]) = match fate {
            Fate::Runs(codes) => (command.text, None, codes),
            // Stopped by us, or ended of itself.
            Fate::Stays(seconds) => (command.text, Some(seconds), &[0, 124]),
            Fate::Help => (help_of(&command.text), None, &[0]),
            Fate::Not(_) => continue,
        };
        let running = tokio::time::timeout(Duration::from_mins(1), shell.run(&text, patience));
        match running.await {
            Err(_) => troubles.push(format!("{text}\n  has not ended within a minute")),
            Ok(output) if output.status.code().is_some_and(|code| codes.contains(&code)) => {
                let answer: Option<Value> = serde_json::from_slice(&output.stdout).ok();
                let id = answer.as_ref().and_then(|answer| answer["id"].as_str()).map(str::to_owned);
                shell.job = id.or(shell.job);
            }
            Ok(output) => troubles.push(format!("{text}\n  {output:?}")),
        }
    }
    troubles
}

#[tokio::test]
async fn those_of_the_readme_run() {
    let troubles = troubles(README).await;
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

#[tokio::test]
async fn those_of_the_guide_run() {
    let troubles = troubles(GUIDE).await;
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

#[test]
fn each_has_a_fate_and_each_fate_a_command() {
    let all: Vec<Command> = [README, GUIDE].into_iter().flat_map(commands).collect();
    assert!(all.len() > 40, "{}", all.len());
    let used: BTreeSet<usize> = all.iter().map(fate_of).collect();
    let idle: Vec<_> =
        FATES.iter().enumerate().filter(|(place, _)| !used.contains(place)).map(|(_, fate)| fate).collect();
    assert!(idle.is_empty(), "no command begins so any more: {idle:?}");
}
