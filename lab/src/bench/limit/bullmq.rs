//! `BullMQ`, with the limiter that it brings.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use shared::{
    clock,
    testing::{TestRedis, simulator::RunningSimulator},
};
use tempfile::TempDir;
use tokio::{process::Command, time::Instant};
use unilingo::output;

use super::{
    setting::Limit,
    system::{CONCURRENCY, System},
};

/// What makes up the peer.
const FILES: [&str; 4] = ["package.json", "package-lock.json", "add.mjs", "worker.mjs"];

/// The programs of `tests/peers/bullmq`.
#[derive(Debug)]
pub(super) struct BullMq {
    folder: PathBuf,
    /// Where they were installed, unless they were already.
    _copy: Option<TempDir>,
}

impl BullMq {
    /// Takes the peer as it is in `folder`, or installs a copy of it when its packages are missing.
    pub(super) async fn new(folder: &Path) -> anyhow::Result<Self> {
        for name in FILES {
            ensure!(
                folder.join(name).is_file(),
                "{name} is not in {}: start this at the top of the repository, or name the peer's folder with --folder",
                folder.display()
            );
        }
        finish(Command::new("node").arg("--version")).await?;
        if folder.join("node_modules").is_dir() {
            return Ok(Self { folder: folder.to_owned(), _copy: None });
        }
        output::line("Installing BullMQ …");
        let copy = TempDir::new()?;
        for name in FILES {
            std::fs::copy(folder.join(name), copy.path().join(name))?;
        }
        finish(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(copy.path())).await?;
        Ok(Self { folder: copy.path().to_owned(), _copy: Some(copy) })
    }

    fn node(&self, script: &str, redis: &TestRedis) -> Command {
        let mut node = Command::new("node");
        node.arg(self.folder.join(script)).env("REDIS_URL", redis.url());
        node
    }
}

impl System for BullMq {
    const NAME: &'static str = "bullmq";

    fn guard(&self) -> Duration {
        Duration::ZERO
    }

    async fn begin(&self, _redis: &TestRedis) -> anyhow::Result<()> {
        Ok(())
    }

    fn worker(&self, redis: &TestRedis, upstream: &RunningSimulator, limit: Limit) -> Command {
        let mut worker = self.node("worker.mjs", redis);
        worker
            .env("OPENAI_BASE_URL", upstream.base_url())
            .env("CONCURRENCY", CONCURRENCY.to_string())
            .env("LIMIT", limit.calls.to_string())
            .env("WINDOW_MS", limit.window.as_millis().to_string());
        worker
    }

    async fn enqueue(&self, redis: &TestRedis, numbers: Range<u64>, at: Instant) -> anyhow::Result<()> {
        // By the clock, so that node has started before.
        let at_ms = u128::from(clock::unix_ms()) + at.saturating_duration_since(Instant::now()).as_millis();
        let count = numbers.end - numbers.start;
        finish(self.node("add.mjs", redis).args([count.to_string(), at_ms.to_string()])).await
    }
}

/// Runs a program to its end, which must be a good one.
async fn finish(program: &mut Command) -> anyhow::Result<()> {
    let name = program.as_std().get_program().to_string_lossy().into_owned();
    let run = program.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let done = run.with_context(|| format!("{name} can't be started: --peer bullmq needs node and npm"))?;
    ensure!(done.status.success(), "{name} ended with {}:\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_folder_and_a_missing_program_are_told_as_such() {
        let empty = tempfile::tempdir().unwrap();
        let error = BullMq::new(empty.path()).await.unwrap_err().to_string();
        assert!(error.contains("package.json is not in") && error.contains("--folder"), "{error}");
        let error = finish(&mut Command::new("no-such-node")).await.unwrap_err().to_string();
        assert!(error.contains("needs node and npm"), "{error}");
    }

    #[tokio::test]
    async fn the_reason_of_a_failure_is_shown() {
        let error = finish(Command::new("sh").args(["-c", "echo the reason >&2; exit 3"])).await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3") && error.to_string().contains("the reason"), "{error}");
    }
}
