//! `bench wake`: from the answer to an enqueue to the start of its handler.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use shared::{
    clock,
    lifecycle::Lifecycle,
    queue::{JobEvents, NewJob},
    redis::RedisPool,
    testing::TestRedis,
};
use tokio::time::Duration;
use unilingo::output;

use super::{
    figures::{percentile, verdict},
    noop::{self, Noop, Started},
};

/// How long a lone job waits for an idle worker.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lab bench wake --jobs 1000")]
pub(crate) struct WakeArgs {
    /// Lone jobs, one after the other, each when the worker is idle again
    #[arg(long, default_value_t = 1_000)]
    jobs: u64,
}

pub(super) async fn run(args: WakeArgs) -> anyhow::Result<ExitCode> {
    let redis = TestRedis::start().await?;
    let queue = noop::queue(&redis)?;
    let lifecycle = Lifecycle::new();
    let events = JobEvents::start(queue.clone(), &lifecycle);
    let _worker = noop::start(&redis, 20)?;
    let pool = redis.pool();
    let mut waits_ms = Vec::new();
    for number in 0..args.jobs {
        until_idle(&pool).await?;
        let id = queue.enqueue(&NewJob::new(Noop { number }, "bench")).await?.id;
        let answered_us = clock::unix_us();
        let job = events.wait(id, Duration::from_secs(30)).await?.context("the job is gone")?;
        let result = job.result.with_context(|| format!("the job is {}", job.state.as_str()))?;
        let started: Started = serde_json::from_str(result.get())?;
        #[expect(clippy::cast_precision_loss, reason = "a difference of far fewer than 2^52 µs")]
        waits_ms.push(started.started_us.saturating_sub(answered_us) as f64 / 1_000.0);
    }
    lifecycle.finish().await;
    waits_ms.sort_by(f64::total_cmp);
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| percentile(&waits_ms, share));
    output::line(format_args!("wake, {} lone jobs: p50 {p50:.2} ms (at most 0.5): {}", args.jobs, verdict(p50 <= 0.5)));
    output::line(format_args!(
        "wake, {} lone jobs: p99 {p99:.2} ms (at most 2): {}; max {max:.2} ms",
        args.jobs,
        verdict(p99 <= 2.0)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Resolves when the worker is blocked in Redis.
async fn until_idle(pool: &RedisPool) -> anyhow::Result<()> {
    loop {
        let mut info = redis::pipe();
        info.cmd("INFO").arg("clients");
        let (clients,): (String,) = pool.query(&info).await?;
        if clients.contains("blocked_clients:1\r\n") {
            return Ok(());
        }
    }
}
