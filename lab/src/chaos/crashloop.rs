//! `chaos crashloop`: one of two workers dies a moment after each start, while the other one works.

use std::process::ExitCode;

use clap::Args;
use rustix::process::Signal;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::{
    attempt::held,
    ended,
    feed::{enqueue, queue},
    fleet::PATIENCE as READY,
    report::Report,
    run::Run,
    system::Setup,
};

/// Jobs that a worker runs at once.
const SLOTS: u32 = 20;
/// How long everything has to end after the last crash.
const PATIENCE: Duration = Duration::from_mins(3);
/// Calls that may be made in vain, for each second of crashes.
const WASTED_PER_SECOND: u64 = 2;

/// One of two workers dies a moment after each start, while the other one works.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab chaos crashloop\n  lab chaos crashloop --seconds 20 --jobs 100")]
pub(crate) struct CrashloopArgs {
    /// Jobs, which are all there at the start
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(40..=10_000))]
    jobs: u64,
    /// How long the worker goes on dying, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(4..=3_600))]
    seconds: u64,
    /// How long it lives each time, in ms
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    lives_ms: u64,
    /// How long a job takes, in ms
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    latency_ms: u64,
    /// How long a lease lasts, in seconds
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    lease: u64,
}

pub(super) async fn run(args: CrashloopArgs) -> anyhow::Result<ExitCode> {
    // No limit: how the jobs of the lost worker are given out alone matters here.
    let setup = Setup {
        fsync: None,
        calls: 0,
        window: Duration::from_secs(1),
        latency: Duration::from_millis(args.latency_ms),
        slots: SLOTS,
        lease: Duration::from_secs(args.lease),
    };
    let mut run = Run::begin(setup, 0, 2).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl CrashloopArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let (queue, before) = (queue(run.system.pool())?, run.accepted.count() as u64);
        enqueue(&queue, 0..self.jobs, &run.accepted).await?;
        timeout(READY, run.system.upstream.wait_for_calls(before + 2 * u64::from(SLOTS))).await?;
        let crashes = self.crash_loop(run).await?;
        let all_ended = run.until_all_ended(PATIENCE).await?;

        let mut report = Report::default();
        report.check(all_ended, format_args!("crashes {crashes}; all jobs ended within {} s", PATIENCE.as_secs()));
        let ends = run.books().check(&mut report).await?;
        let asked = run.accepted.count();
        report.check(
            ends.completed == asked && ends.failed.is_empty(),
            format_args!("completed {} of {asked}, dead letters {} (0)", ends.completed, ends.failed.len()),
        );
        let wasted = run.system.upstream.arrivals().len().saturating_sub(ends.completed);
        let most = WASTED_PER_SECOND * self.seconds;
        report.check(wasted as u64 <= most, format_args!("wasted calls {wasted} (at most {most})"));
        Ok(report)
    }

    /// Kills the second worker, and each one in its place when it has lived for its time; how often.
    async fn crash_loop(&self, run: &mut Run) -> anyhow::Result<u64> {
        let (pool, end) = (run.system.pool(), Instant::now() + Duration::from_secs(self.seconds));
        let mut crashes = 0;
        while Instant::now() < end {
            // It stands still while its jobs are read: what is read is what it dies with.
            run.system.fleet.signal(1, Signal::STOP)?;
            let name = run.system.fleet.members[1].name.clone();
            run.interruptions.killed(held(&pool, &run.system.keys, Some(&name)).await?);
            run.system.fleet.replace(1).await?;
            crashes += 1;
            sleep_until(Instant::now() + Duration::from_millis(self.lives_ms)).await;
        }
        Ok(crashes)
    }
}
