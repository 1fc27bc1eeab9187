//! `chaos redis`: `kill -9` of Redis, and its return, under load.

use std::process::ExitCode;

use clap::Args;
use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::clock::unix_ms;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    ended,
    load::Load,
    report::Report,
    run::Run,
    seed::Seed,
    system::{LEASE, Setup},
};

/// How soon the fleet must work again when Redis is back, in ms.
const BACK_MS: u64 = 5_000;
/// How long everything has to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// The load between two kills.
const CALM: Duration = Duration::from_secs(4);

/// Redis is killed with `kill -9` and started again, under load.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab chaos redis\n  lab chaos redis --kills 1 --away-ms 1000")]
pub(crate) struct RedisArgs {
    /// How often Redis is killed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    kills: u32,
    /// Longest time that it is away, in ms
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    away_ms: u64,
    /// Requests a second
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    per_second: u64,
    #[command(flatten)]
    seed: Seed,
}

pub(super) async fn run(args: RedisArgs) -> anyhow::Result<ExitCode> {
    let window = Duration::from_secs(1);
    let (fsync, latency) = (Some("always"), Duration::from_millis(100));
    let setup = Setup { fsync, calls: 3 * args.per_second, window, latency, slots: 32, lease: LEASE };
    let mut run = Run::begin(setup, 2, 4).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl RedisArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let mut random = StdRng::seed_from_u64(self.seed.announce());
        let load = Load { apis: run.system.fleet.addresses(), per_second: self.per_second, most: 1_000_000 };
        let stop = CancellationToken::new();
        let Run { system, interruptions, accepted, .. } = run;
        let kills = async {
            let mut back = Vec::new();
            for kill in 1..=self.kills {
                sleep(CALM).await;
                let from_ms = unix_ms();
                let away = Duration::from_millis(random.random_range(10..=self.away_ms));
                let back_ms = system.kill_redis(away, interruptions).await?;
                let ended_ms = system.first_end_after(back_ms, PATIENCE).await?.saturating_sub(back_ms);
                let called_ms = system.first_call_after(back_ms, PATIENCE).await?.saturating_sub(back_ms);
                Report::note(format_args!(
                    "kill {kill}: Redis was away for {} ms; the first job ended {ended_ms} ms after it was back, the first \
                     new call came after {called_ms} ms",
                    back_ms - from_ms
                ));
                back.push(ended_ms.max(called_ms));
            }
            sleep(CALM).await;
            stop.cancel();
            anyhow::Ok(back)
        };
        let (back, ()) = tokio::try_join!(kills, load.run(accepted, &stop))?;
        let all_ended = run.until_all_ended(PATIENCE).await?;

        let mut report = Report::default();
        let worst_ms = back.into_iter().max().unwrap_or(u64::MAX);
        report.check(
            worst_ms <= BACK_MS,
            format_args!(
                "jobs ended, and new calls came, within {worst_ms} ms of Redis' return (at most {BACK_MS}; {} ms of them are \
                 the window in which a Redis that was away gives no permit)",
                run.system.setup.window.as_millis()
            ),
        );
        report.check(all_ended, format_args!("all jobs ended within {} s", PATIENCE.as_secs()));
        let ended = run.system.fleet.check_alive().err().map(|error| error.to_string());
        report.check(
            ended.is_none(),
            format_args!(
                "processes of ours that ended {} (0) {}",
                u32::from(ended.is_some()),
                ended.unwrap_or_default()
            ),
        );
        let ends = run.books().check(&mut report).await?;
        let accepted = run.accepted.count();
        report.check(
            ends.completed == accepted,
            format_args!("completed {} of {accepted}, further attempts {}", ends.completed, ends.further_attempts),
        );
        Ok(report)
    }
}
