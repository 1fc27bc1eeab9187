//! `bench speech`: a burst of learners, each with a recording of their own, who all wait for their scores.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    limiter::vouch,
    redis::Keys,
    testing::{
        TestRedis, free_port,
        simulator::{RunningSimulator, Simulator, SimulatorConfig},
        tone,
    },
};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use unilingo::output;

use super::figures::{percentile, verdict};
use crate::{chaos::system::used_memory, process::Process};

const PATIENCE: Duration = Duration::from_secs(30);
/// Length of the recordings of the first burst, which is not measured: others than those of the second.
const WARM_UP_SECONDS: u32 = 1;
/// Every time to live, in seconds: what is kept for a while is gone when memory is looked at.
const TTL: &str = "5";
const AFTER: Duration = Duration::from_secs(10);
/// Most that the api may take, in MB.
const API_MB: f64 = 120.0;
/// How far the slowest may be behind what the limit allows.
const BEHIND: f64 = 1.1;
const BOUNDARY: &str = "x-boundary";

/// A burst of learners, each with a recording of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab bench speech\n  lab bench speech --learners 100 --seconds 10")]
pub(crate) struct SpeechArgs {
    /// Learners who send a recording at the same time
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    learners: u32,
    /// Length of each recording, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=30))]
    seconds: u32,
    /// How long the speech service takes for each, in ms
    #[arg(long, default_value_t = 800)]
    latency_ms: u64,
    /// Recordings that the fleet may have assessed at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    concurrent: u32,
    /// Worker processes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    workers: u32,
}

/// The whole system, as processes.
struct Fleet {
    redis: TestRedis,
    simulator: RunningSimulator,
    api: Process,
    url: String,
    _workers: Vec<Process>,
    _logs: TempDir,
}

impl Fleet {
    async fn start(args: &SpeechArgs) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("this program's own path")?;
        let folder = own.parent().context("this program's folder")?;
        let (redis, logs) = (TestRedis::start().await?, TempDir::new()?);
        vouch(&redis.patient_pool(), &Keys::new("unilingo")).await?;
        let simulator =
            Simulator::start(SimulatorConfig { speech_max_concurrent: args.concurrent, ..SimulatorConfig::default() })?;
        simulator.set_latency(Duration::from_millis(args.latency_ms));
        let program = |name: &str, port: u16| {
            let mut program = Command::new(folder.join(name));
            program.env("PORT", port.to_string()).env("REDIS_URL", redis.url()).env("RUST_LOG", "warn");
            for ttl in ["COMPLETED_TTL_SECONDS", "CONTENT_CACHE_TTL_SECONDS"] {
                program.env(ttl, TTL);
            }
            program
        };
        let port = free_port()?;
        let mut api = program("api", port);
        api.env("AUTH", "trust-client")
            .env("IP_PRONUNCIATION_LIMIT_PER_MIN", "0")
            .env("IP_GENERAL_LIMIT_PER_15MIN", "0");
        let api = Process::start("api", api, logs.path())?;
        let mut workers = Vec::new();
        for number in 0..args.workers {
            let mut worker = program("pronunciation-worker", free_port()?);
            worker.env("AZURE_SPEECH_BASE_URL", simulator.speech_url()).env("AZURE_SPEECH_KEY", "simulated");
            worker.env("AZURE_SPEECH_MAX_CONCURRENT", args.concurrent.to_string());
            workers.push(Process::start(&format!("worker-{number}"), worker, logs.path())?);
        }
        let url = format!("http://127.0.0.1:{port}");
        let (http, until) = (reqwest::Client::new(), Instant::now() + PATIENCE);
        while !http.get(format!("{url}/api/ready")).send().await.is_ok_and(|answer| answer.status().is_success()) {
            anyhow::ensure!(Instant::now() < until, api.failure("does not answer"));
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { redis, simulator, api, url, _workers: workers, _logs: logs })
    }

    /// How long each learner has waited, in seconds, sorted.
    async fn burst(&self, learners: std::ops::Range<u32>, seconds: u32) -> anyhow::Result<Vec<f64>> {
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
        // All recordings are made before the first is sent.
        let recordings: Vec<_> = learners.map(|number| (number, Arc::new(form(number, seconds)))).collect();
        let most = recordings.len();
        let sending = recordings.into_iter().map(|(number, body)| {
            let request = http
                .post(format!("{}/api/pronunciation-assess", self.url))
                .header("user-id", format!("learner-{number}"))
                .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
            async move {
                let started = Instant::now();
                let answer = request.body(body.to_vec()).send().await?;
                let status = answer.status();
                let text = answer.text().await?;
                anyhow::ensure!(status.as_u16() == 200, "{status}: {text}");
                Ok(started.elapsed().as_secs_f64())
            }
        });
        let mut waited: Vec<f64> = stream::iter(sending).buffer_unordered(most).try_collect().await?;
        waited.sort_by(f64::total_cmp);
        Ok(waited)
    }
}

pub(super) async fn run(args: SpeechArgs) -> anyhow::Result<ExitCode> {
    let fleet = Fleet::start(&args).await?;
    let pool = fleet.redis.patient_pool();
    // The same learners have asked before: what is known of each is kept for weeks, and is no recording.
    fleet.burst(0..args.learners, WARM_UP_SECONDS).await?;
    sleep(AFTER).await;
    let before = used_memory(&pool).await?;
    fleet.simulator.clear_speech();
    let waited = fleet.burst(0..args.learners, args.seconds).await?;
    let seen = fleet.simulator.speech_stats();
    let api_mb = peak_mb(&fleet.api);
    sleep(AFTER).await;
    let after = used_memory(&pool).await?;

    let once = seen.answered == u64::from(args.learners) && seen.max_repeats == 1;
    let kept_to = seen.max_in_flight <= args.concurrent;
    output::line(format_args!(
        "{} learners, {} s of speech each: {} assessed, none twice; at most {} at once (limit {}): {}",
        args.learners,
        args.seconds,
        seen.answered,
        seen.max_in_flight,
        args.concurrent,
        verdict(once && kept_to)
    ));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a minute")]
    let allowed = |share: f64| {
        (f64::from(args.learners) * share / f64::from(args.concurrent)).ceil() * args.latency_ms as f64 / 1_000.0
    };
    let (p50, p99) = (percentile(&waited, 0.5), percentile(&waited, 0.99));
    let in_time = p99 <= allowed(0.99) * BEHIND;
    output::line(format_args!(
        "waited: p50 {p50:.2} s, p99 {p99:.2} s; the limit allows {:.2} and {:.2} s; p99 {:.1} % behind (10 % at most): {}",
        allowed(0.5),
        allowed(0.99),
        (p99 / allowed(0.99) - 1.0) * 100.0,
        verdict(in_time)
    ));
    let small = api_mb.is_none_or(|mb| mb < API_MB);
    output::line(format_args!(
        "api: {:.1} MB at its peak (under {API_MB:.0}): {}",
        api_mb.unwrap_or(f64::NAN),
        verdict(small)
    ));
    let returned = after <= before + before / 50;
    output::line(format_args!(
        "Redis: {} kB before, {} kB {} s after the last (2 % more at most): {}",
        before / 1024,
        after / 1024,
        AFTER.as_secs(),
        verdict(returned)
    ));
    let met = once && kept_to && in_time && small && returned;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn form(number: u32, seconds: u32) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"referenceText\"\r\n\r\nThe leaf turns to the light.\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    )
    .into_bytes();
    body.extend(tone(number, seconds * 1_000));
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}

/// The most memory that it has had, where the system tells it in `/proc`.
fn peak_mb(process: &Process) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()?)).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1_024.0)
}
