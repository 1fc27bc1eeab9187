//! `chaos kills`: `kill -9` of workers, again and again, under load.

use std::process::ExitCode;

use clap::Args;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::Signal;
use shared::clock::unix_ms;
use tokio::time::{Duration, interval};

use super::{
    attempt::{Interruptions, held},
    calls::account,
    ended,
    feed::{feed, queue},
    fleet::Role,
    report::Report,
    run::Run,
    seed::Seed,
    system::{LEASE, Setup, System},
};

/// How long the last job may take from the last kill, in ms.
const RECOVERY_MS: u64 = 10_000;
/// How long everything has to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// Workers are killed with `kill -9` and replaced, again and again, while jobs come in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab chaos kills\n  lab chaos kills --jobs 500 --seconds 6")]
pub(crate) struct KillsArgs {
    /// Jobs, which come in evenly over the time of the kills
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    jobs: u64,
    /// Worker processes
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Seconds between kills
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    every: u64,
    /// How long workers are killed, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How long the upstream takes to answer, in ms
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(0..=2_000))]
    latency_ms: u64,
    #[command(flatten)]
    seed: Seed,
}

pub(super) async fn run(args: KillsArgs) -> anyhow::Result<ExitCode> {
    let window = Duration::from_secs(2);
    let setup = Setup {
        fsync: None,
        // Half as much again as comes in, so that the limit is met after a kill and holds up nothing else.
        calls: (args.jobs * 3 * window.as_secs()).div_ceil(2 * args.seconds),
        window,
        latency: Duration::from_millis(args.latency_ms),
        slots: 32,
        lease: LEASE,
    };
    let mut run = Run::begin(setup, 0, args.workers).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl KillsArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let first = run.accepted.count() as u64;
        let (queue, mut random) = (queue(run.system.pool())?, StdRng::seed_from_u64(self.seed.announce()));
        let span = Duration::from_secs(self.seconds);
        let kills = self.kill_workers(&mut run.system, &mut random, &mut run.interruptions);
        let ((kills, last_ms), ()) = tokio::try_join!(kills, feed(&queue, first..self.jobs, span, &run.accepted))?;
        let all_ended = run.until_all_ended(PATIENCE).await?;

        let mut report = Report::default();
        report.check(all_ended, format_args!("kills {kills}; all jobs ended within {} s", PATIENCE.as_secs()));
        let calls = account(&run.system.upstream.arrivals(), &run.interruptions, run.system.setup.window);
        let ends = run.books().check(&mut report).await?;
        report.check(
            ends.completed as u64 == self.jobs,
            format_args!("completed {} of {}, further attempts {}", ends.completed, self.jobs, ends.further_attempts),
        );
        let surplus = calls.calls.saturating_sub(ends.completed);
        report.check(
            surplus <= calls.interrupted,
            format_args!("surplus calls {surplus} (at most {}, as were in flight at the kills)", calls.interrupted),
        );
        let after_ms = ends.last_ms.saturating_sub(last_ms);
        report.check(
            after_ms <= RECOVERY_MS,
            format_args!("last job ended {after_ms} ms after the last kill (at most {RECOVERY_MS})"),
        );
        Ok(report)
    }

    /// Kills a worker in each interval; how many, and when the last one.
    async fn kill_workers(
        &self,
        system: &mut System,
        random: &mut StdRng,
        interruptions: &mut Interruptions,
    ) -> anyhow::Result<(u64, u64)> {
        let (pool, mut last_ms) = (system.pool(), 0);
        let kills = self.seconds / self.every;
        let mut ticks = interval(Duration::from_secs(self.every));
        ticks.tick().await;
        for _ in 0..kills {
            ticks.tick().await;
            let workers = system.fleet.all(Role::Worker);
            let place = workers[random.random_range(0..workers.len())];
            // It stands still while its jobs are read: what is read is what it dies with.
            system.fleet.signal(place, Signal::STOP)?;
            interruptions.killed(held(&pool, &system.keys, Some(&system.fleet.members[place].name)).await?);
            last_ms = unix_ms();
            system.fleet.replace(place).await?;
        }
        Ok((kills, last_ms))
    }
}
