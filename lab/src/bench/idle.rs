//! `bench idle`: what processes cost that have nothing to do.

use std::{
    path::Path,
    process::{ExitCode, Stdio},
};

use anyhow::Context;
use clap::Args;
use futures_util::StreamExt;
use shared::testing::{TestRedis, free_port};
use tokio::{
    process::{Child, Command},
    time::{Duration, Instant, sleep, timeout},
};
use unilingo::output;

use super::figures::verdict;

/// What idle processes cost.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo build --release --workspace --bins --features shared/testing && target/release/lab bench idle"
)]
pub(crate) struct IdleArgs {
    /// How long to watch, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// A program of ours that does nothing.
struct Idler {
    name: &'static str,
    process: Child,
    redis: TestRedis,
    most_commands: Option<f64>,
}

pub(super) async fn run(args: IdleArgs) -> anyhow::Result<ExitCode> {
    let own = std::env::current_exe().context("this program's own path")?;
    let folder = own.parent().context("this program's folder")?;
    let idlers = [start(folder, "api", None).await?, start(folder, "flashcard-worker", Some(2.0)).await?];
    for idler in &idlers {
        let commands = commands_per_second(&idler.redis, Duration::from_secs(args.seconds)).await?;
        let most = idler
            .most_commands
            .map_or(String::new(), |most| format!(" (at most {most}): {}", verdict(commands <= most)));
        output::line(format_args!("idle, {}: {commands:.2} Redis commands/s{most}", idler.name));
        let Some(mb) = rss_mb(&idler.process) else { continue };
        output::line(format_args!("idle, {}: {mb:.1} MB resident (at most 15): {}", idler.name, verdict(mb <= 15.0)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a program on a Redis of its own and waits until it says that it is ready.
async fn start(folder: &Path, name: &'static str, most_commands: Option<f64>) -> anyhow::Result<Idler> {
    let redis = TestRedis::start().await?;
    let port = free_port()?;
    let process = Command::new(folder.join(name))
        .env("PORT", port.to_string())
        .env("REDIS_URL", redis.url())
        .env("AUTH", "trust-client")
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{name} is not beside this program: build all binaries with --release"))?;
    let until = Instant::now() + Duration::from_secs(20);
    let ready = format!("http://127.0.0.1:{port}/api/ready");
    while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
        anyhow::ensure!(Instant::now() < until, "{name} did not become ready");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(Idler { name, process, redis, most_commands })
}

/// Commands that clients sent, counted by `MONITOR`; what scripts call inside is not among them.
async fn commands_per_second(redis: &TestRedis, span: Duration) -> anyhow::Result<f64> {
    let client = redis::Client::open(redis.url())?;
    let monitor = client.get_async_monitor().await?;
    let mut lines = monitor.into_on_message::<String>();
    // The start's own commands pass first.
    let settle = sleep(Duration::from_secs(2));
    tokio::pin!(settle);
    while let Some(Some(_)) = tokio::select! { line = lines.next() => Some(line), () = &mut settle => None } {}
    let mut count = 0_u32;
    let counting = async {
        while let Some(line) = lines.next().await {
            count += u32::from(!line.contains(" lua]"));
        }
    };
    let _ = timeout(span, counting).await;
    Ok(f64::from(count) / span.as_secs_f64())
}

/// Resident memory, where the system tells it in `/proc`.
fn rss_mb(process: &Child) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()?)).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1_024.0)
}
