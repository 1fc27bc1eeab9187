//! Our own queue and workers.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    config::OpenAiConfig,
    limiter::vouch,
    queue::NewJob,
    testing::{TestRedis, simulator::RunningSimulator},
};
use tokio::{
    process::Command,
    time::{Instant, sleep_until},
};

use super::{
    setting::Limit,
    system::{CONCURRENCY, System},
};
use crate::{bench::noop, numbered};

/// Enqueues in flight at once.
const IN_FLIGHT: usize = 64;
/// Users that the jobs are spread over.
const USERS: u64 = 10;

/// `flashcard-worker`.
#[derive(Debug)]
pub(super) struct Ours {
    program: PathBuf,
    guard: Duration,
}

impl Ours {
    /// The program beside this one, with another guard than its own if there is one.
    pub(super) fn new(guard_ms: Option<u64>) -> anyhow::Result<Self> {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            openai: OpenAiConfig,
        }
        let own = std::env::current_exe().context("this program's own path")?;
        let program = own.parent().unwrap_or(Path::new(".")).join("flashcard-worker");
        ensure!(
            program.is_file(),
            "{} is not there: cargo build --release --workspace --bins --features shared/testing",
            program.display()
        );
        let defaults = Defaults::try_parse_from(["bench"])?.openai;
        Ok(Self { program, guard: Duration::from_millis(guard_ms.unwrap_or(defaults.openai_rate_guard_ms)) })
    }
}

impl System for Ours {
    const NAME: &'static str = "unilingo";

    fn guard(&self) -> Duration {
        self.guard
    }

    async fn begin(&self, redis: &TestRedis) -> anyhow::Result<()> {
        Ok(vouch(&redis.patient_pool(), &noop::keys()).await?)
    }

    fn worker(&self, redis: &TestRedis, upstream: &RunningSimulator, limit: Limit) -> Command {
        let mut worker = Command::new(&self.program);
        worker
            .args(["--port", "0", "--redis-url", &redis.url(), "--queue-prefix", noop::PREFIX, "--log", "warn"])
            .args(["--worker-concurrency", &CONCURRENCY.to_string()])
            .args(["--openai-base-url", &upstream.base_url(), "--openai-api-key", "x"])
            .args(["--openai-rate-limit-rpm", &limit.calls.to_string(), "--openai-rate-limit-rps", "0"])
            .args(["--openai-rate-limit-tpm", "0", "--openai-max-concurrent", "0"])
            .args(["--openai-rate-window-ms", &limit.window.as_millis().to_string()])
            .args(["--openai-rate-guard-ms", &self.guard.as_millis().to_string()]);
        worker
    }

    async fn enqueue(&self, redis: &TestRedis, numbers: Range<u64>, at: Instant) -> anyhow::Result<()> {
        let queue = &noop::queue(redis)?;
        sleep_until(at).await;
        let jobs = numbers.map(|number| NewJob::new(numbered::lesson(number), format!("user-{}", number % USERS)));
        stream::iter(jobs)
            .map(|job| async move { queue.enqueue(&job).await })
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        Ok(())
    }
}
