//! `bench drain`: settled jobs a second.

use std::process::ExitCode;

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    job::Kind,
    queue::{NewJob, Queue},
    testing::TestRedis,
};
use tokio::time::{Duration, Instant, sleep};
use unilingo::output;

use super::{
    figures::{median, verdict},
    noop::{self, Noop},
};

/// Enqueues in flight at once.
const IN_FLIGHT: usize = 64;

/// How fast one worker process settles no-op jobs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lab bench drain\n  lab bench drain --fsync everysec\n  lab bench drain --backlog 1000,1000000 --pairs 5"
)]
pub(crate) struct DrainArgs {
    /// Lengths at which the line is kept while jobs are settled; the first is what the others are held against
    #[arg(long, value_delimiter = ',', default_value = "1000,1000000", value_parser = clap::value_parser!(u64).range(1..))]
    backlog: Vec<u64>,
    /// Settled jobs that each run counts
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Rounds; in each, every length is measured once, in turn
    #[arg(long, default_value_t = 3)]
    pairs: u32,
    /// Slots of the worker
    #[arg(long, default_value_t = 128)]
    concurrency: u32,
    /// Append-only file of Redis: `always`, `everysec` or none
    #[arg(long, value_parser = ["always", "everysec"])]
    fsync: Option<String>,
}

/// A line that is kept at one length, on a Redis of its own.
struct Line {
    backlog: u64,
    redis: TestRedis,
    queue: Queue,
    enqueued: u64,
    rates: Vec<f64>,
}

pub(super) async fn run(args: DrainArgs) -> anyhow::Result<ExitCode> {
    let fsync = match args.fsync.as_deref() {
        Some("always") => Some("always"),
        Some(_) => Some("everysec"),
        None => None,
    };
    let mut lines = Vec::new();
    for backlog in &args.backlog {
        let redis = TestRedis::with_append_only(fsync).await?;
        let queue = noop::queue(&redis)?;
        let mut line = Line { backlog: *backlog, redis, queue, enqueued: 0, rates: Vec::new() };
        output::line(format_args!("Filling a line of {backlog} jobs …"));
        line.enqueue(*backlog).await?;
        lines.push(line);
    }
    for round in 1..=args.pairs {
        for line in &mut lines {
            let rate = line.measure(args.jobs, args.concurrency).await?;
            output::line(format_args!("round {round}: line of {:>9}: {rate:>8.0} jobs/s", line.backlog));
            line.rates.push(rate);
        }
    }
    report(&lines, if fsync.is_some() { 12_000.0 } else { 15_000.0 }, fsync.unwrap_or("none"));
    Ok(ExitCode::SUCCESS)
}

fn report(lines: &[Line], wanted: f64, fsync: &str) {
    let Some(base) = lines.first() else { return };
    let rate = median(&base.rates);
    output::line(format_args!(
        "drain, line of {}, append-only file {fsync}: median {rate:.0} jobs/s (at least {wanted:.0}): {}",
        base.backlog,
        verdict(rate >= wanted)
    ));
    for line in &lines[1..] {
        let ratios: Vec<f64> = line.rates.iter().zip(&base.rates).map(|(rate, base)| rate / base).collect();
        let ratio = median(&ratios);
        output::line(format_args!(
            "drain, line of {}: median {:.0} jobs/s, {:.1} % of that (median of pairs, at least 80 %): {}",
            line.backlog,
            median(&line.rates),
            100.0 * ratio,
            verdict(ratio >= 0.8)
        ));
    }
}

impl Line {
    async fn enqueue(&mut self, count: u64) -> anyhow::Result<()> {
        let numbers = self.enqueued..self.enqueued + count;
        let queue = &self.queue;
        stream::iter(numbers)
            .map(|number| async move { queue.enqueue(&NewJob::new(Noop { number }, "bench")).await })
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        self.enqueued += count;
        Ok(())
    }

    /// Settles `jobs` while the line is kept at its length, after a warm-up of a tenth.
    async fn measure(&mut self, jobs: u64, concurrency: u32) -> anyhow::Result<f64> {
        let worker = noop::start(&self.redis, concurrency)?;
        let warm = self.settled().await? + jobs / 10;
        self.keep_full_until(warm).await?;
        let (from, start) = (self.settled().await?, Instant::now());
        self.keep_full_until(from + jobs).await?;
        let (settled, elapsed) = (self.settled().await? - from, start.elapsed());
        stop(worker).await?;
        // Room is made for the next round as it was before this one.
        self.top_up().await?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        Ok(settled as f64 / elapsed.as_secs_f64())
    }

    async fn keep_full_until(&mut self, settled: u64) -> anyhow::Result<()> {
        while self.settled().await? < settled {
            self.top_up().await?;
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn top_up(&mut self) -> anyhow::Result<()> {
        let missing = self.backlog.saturating_sub(self.enqueued - self.settled().await?);
        self.enqueue(missing).await
    }

    async fn settled(&self) -> anyhow::Result<u64> {
        let mut count = redis::pipe();
        count.zcard(noop::keys().done(Noop::QUEUE.as_str()));
        Ok(self.redis.pool().query::<(u64,)>(&count).await?.0)
    }
}

/// Asks the worker to stop and waits until it has settled what it held.
async fn stop(mut worker: tokio::process::Child) -> anyhow::Result<()> {
    let pid = worker.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    }
    let status = worker.wait().await?;
    anyhow::ensure!(status.success(), "the worker ended with {status}");
    Ok(())
}
