//! `bench refused`: the cost of a take while the limit is reached.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Parser};
use shared::{
    config::OpenAiConfig,
    job::Kind,
    limiter::vouch,
    queue::{NewJob, Taker},
    testing::TestRedis,
};
use tokio::time::Instant;
use unilingo::output;

use super::{
    figures::{percentile, verdict},
    noop::{self, Noop},
};

/// A refused take costs at most so many GETs.
const GOAL: f64 = 1.5;

/// What a take costs while the limit is reached.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab bench refused\n  lab bench refused --rounds 50000 --waiting 100000")]
pub(crate) struct RefusedArgs {
    /// Takes, and GETs between them
    #[arg(long, default_value_t = 20_000)]
    rounds: u32,
    /// Jobs that wait meanwhile
    #[arg(long, default_value_t = 10_000)]
    waiting: u64,
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    openai: OpenAiConfig,
}

pub(super) async fn run(args: RefusedArgs) -> anyhow::Result<ExitCode> {
    let redis = TestRedis::start().await?;
    let (pool, queue) = (redis.patient_pool(), noop::queue(&redis)?);
    vouch(&pool, &noop::keys()).await?;
    for number in 0..args.waiting {
        queue.enqueue(&NewJob::new(Noop { number }, "bench")).await?;
    }
    let upstream = Defaults::try_parse_from(["bench", "--openai-rate-limit-rpm", "5"])?.openai.upstream(0);
    let place = (Noop::QUEUE, Noop::lane());
    let taker = Taker::start(pool.clone(), noop::PREFIX, place, "bench", upstream).await?;
    while taker.take(1).await? > 0 {}

    let (mut refusals, mut others) = (Vec::new(), Vec::new());
    let mut get = redis::pipe();
    get.get("{bench}:nothing");
    for _ in 0..args.rounds {
        refusals.push(
            timed(async {
                anyhow::ensure!(taker.take(1).await? == 0, "a job was given out");
                Ok(())
            })
            .await?,
        );
        others.push(timed(async { Ok(pool.query::<(Option<String>,)>(&get).await.map(|_| ())?) }).await?);
    }
    for times in [&mut refusals, &mut others] {
        times.sort_by(f64::total_cmp);
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (take, get) = (percentile(&refusals, share), percentile(&others, share));
        let ratio = take / get;
        output::line(format_args!(
            "refused take, {name}: {take:.1} µs, a GET {get:.1} µs: {ratio:.2} × (at most {GOAL} ×): {}",
            verdict(ratio <= GOAL)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Microseconds that it took.
async fn timed(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let start = Instant::now();
    work.await?;
    Ok(Duration::as_secs_f64(&start.elapsed()) * 1e6)
}
