//! `chaos redis`: `kill -9` of Redis, and its return, under load.

use std::process::ExitCode;

use clap::Args;
use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::clock::unix_ms;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::ms,
    ended,
    load::Load,
    report::Report,
    run::Run,
    seed::Seed,
    system::{QUEUE, Setup, System},
};

/// How soon the fleet must work again when Redis is back, in ms.
const BACK_MS: u64 = 5_000;
/// How long everything has to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// The load between two kills.
const CALM: Duration = Duration::from_secs(4);

/// Redis is killed with `kill -9` and started again, under load.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  unilingo chaos redis\n  unilingo chaos redis --kills 1 --away-ms 1000")]
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
    let setup = Setup { fsync, calls: 3 * args.per_second, window, latency, slots: 32 };
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
                system.redis.kill().await?;
                sleep(Duration::from_millis(random.random_range(10..=self.away_ms))).await;
                system.redis.start_again().await?;
                let to_ms = unix_ms();
                interruptions.outage(ms(from_ms), ms(to_ms));
                let worked_ms = first_end_after(system, to_ms).await? - to_ms;
                Report::note(format_args!(
                    "kill {kill}: Redis was away for {} ms; the first job ended {worked_ms} ms after it was back",
                    to_ms - from_ms
                ));
                back.push(worked_ms);
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
                "worked again within {worst_ms} ms of Redis' return (at most {BACK_MS}; {} ms of them are the window in \
                 which a Redis that was away gives no permit)",
                run.system.setup.window.as_millis()
            ),
        );
        report.check(all_ended, format_args!("all jobs ended within {} s", PATIENCE.as_secs()));
        run.system.fleet.check_alive()?;
        report.check(true, "processes of ours that ended or were started again 0 (0)");
        let ends = run.books().check(&mut report).await?;
        let accepted = run.accepted.count();
        report.check(
            ends.completed == accepted,
            format_args!("completed {} of {accepted}, further attempts {}", ends.completed, ends.further_attempts),
        );
        Ok(report)
    }
}

/// When the first job ended after `from_ms`, by Redis' clock, which is this machine's.
async fn first_end_after(system: &System, from_ms: u64) -> anyhow::Result<u64> {
    let (pool, until) = (system.pool(), Instant::now() + PATIENCE);
    let mut read = redis::pipe();
    read.cmd("ZRANGEBYSCORE").arg(system.keys.done(QUEUE)).arg(from_ms).arg("+inf");
    read.arg("WITHSCORES").arg("LIMIT").arg(0).arg(1);
    loop {
        let (first,): (Vec<(String, u64)>,) = pool.query(&read).await?;
        if let Some((_, ended_ms)) = first.first() {
            return Ok(*ended_ms);
        }
        anyhow::ensure!(Instant::now() < until, "no job ended within {} s of Redis' return", PATIENCE.as_secs());
        sleep(Duration::from_millis(10)).await;
    }
}
