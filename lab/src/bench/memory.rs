//! `bench memory`: whether what Redis keeps depends on how many jobs there ever were.

use std::process::ExitCode;

use clap::{Args, Parser};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use shared::{
    config::JobsConfig,
    job::{Kind, QueueName},
    queue::{NewJob, Queue},
    redis::RedisPool,
    testing::TestRedis,
};
use tokio::time::{Duration, sleep};
use unilingo::output;

use super::{
    figures::verdict,
    noop::{self, Noop},
};
use crate::chaos::{leftovers::Leftovers, system::used_memory};

/// Enqueues in flight at once.
const IN_FLIGHT: usize = 64;
/// Jobs that may wait while more come in.
const BACKLOG: u64 = 2_000;
/// Jobs that are put in line between two looks at the backlog.
const PORTION: u64 = 500;
/// Every time to live, in seconds, and each job's deadline.
const TTL: &str = "10";
/// How long after a mark memory is looked at: longer than every time to live.
const AFTER_MARK: Duration = Duration::from_secs(15);
/// How far the memory at the end may be from that at the mark.
const TOLERANCE: f64 = 0.05;

/// Whether what Redis keeps depends on how many jobs there ever were.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab bench memory\n  lab bench memory --jobs 200000 --mark 20000")]
pub(crate) struct MemoryArgs {
    /// Jobs, each another one
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    jobs: u64,
    /// Memory after so many jobs is what that at the end is held against
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    mark: u64,
    /// Slots of the worker
    #[arg(long, default_value_t = 128)]
    concurrency: u32,
}

/// The benches' no-op job, whose result answers for the same job again: with all the keys that flashcards have.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    number: u64,
}

impl Kind for Kept {
    const NAME: &'static str = Noop::NAME;
    const VERSION: u32 = Noop::VERSION;
    const QUEUE: QueueName = Noop::QUEUE;
    const RECIPE: Option<u32> = Some(1);
}

#[derive(Parser)]
struct Short {
    #[command(flatten)]
    jobs: JobsConfig,
}

pub(super) async fn run(args: MemoryArgs) -> anyhow::Result<ExitCode> {
    let names = ["completed-ttl", "dead-ttl", "job-deadline", "content-cache-ttl"];
    let flags = names.map(|name| format!("--{name}-seconds"));
    let lives: Vec<&str> = flags.iter().flat_map(|flag| [flag.as_str(), TTL]).collect();
    let redis = TestRedis::start().await?;
    let pool = redis.patient_pool();
    let jobs =
        Short::try_parse_from(["bench", "--queue-max-waiting", "100000000"].into_iter().chain(lives.iter().copied()))?
            .jobs;
    let queue = Queue::new(pool.clone(), noop::PREFIX, jobs);
    let _worker = noop::start_with(&redis, args.concurrency, &lives)?;
    let at_mark = fill(&queue, &pool, 0..args.mark).await?;
    let at_end = fill(&queue, &pool, args.mark..args.jobs.max(args.mark)).await?;
    #[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
    let ratio = at_end as f64 / at_mark as f64;
    let kept = (ratio - 1.0).abs() <= TOLERANCE;
    output::line(format_args!(
        "memory, {} s after {} jobs and after {}: {} kB and {} kB, {:.1} % (within 5 % of each other): {}",
        AFTER_MARK.as_secs(),
        args.mark,
        args.jobs,
        at_mark / 1_024,
        at_end / 1_024,
        100.0 * ratio,
        verdict(kept)
    ));
    let left = Leftovers::read(&pool, &noop::keys()).await?.staying;
    let shown = left.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    output::line(format_args!(
        "keys without a time to live that docs/REDIS_KEYS.md does not name as fixed: {} (0) {shown}: {}",
        left.len(),
        verdict(left.is_empty())
    ));
    Ok(if kept && left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets the jobs of these numbers be done; what Redis uses when nothing waits and every time to live has passed.
async fn fill(queue: &Queue, pool: &RedisPool, numbers: std::ops::Range<u64>) -> anyhow::Result<u64> {
    let (mut next, until) = (numbers.start, numbers.end);
    while next < until {
        let portion = next..until.min(next + PORTION);
        next = portion.end;
        stream::iter(portion)
            .map(|number| async move { queue.enqueue(&NewJob::new(Kept { number }, "bench")).await })
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        until_backlog_is(queue, BACKLOG).await?;
    }
    until_backlog_is(queue, 0).await?;
    sleep(AFTER_MARK).await;
    let mut count = redis::pipe();
    count.zcard(noop::keys().done(Noop::QUEUE.as_str())).cmd("DBSIZE");
    let (indexed, keys): (u64, u64) = pool.query(&count).await?;
    let used = used_memory(pool).await?;
    output::line(format_args!(
        "{} s after {until} jobs: {} kB, {keys} keys, {indexed} entries of ended jobs in the index `done`",
        AFTER_MARK.as_secs(),
        used / 1_024
    ));
    Ok(used)
}

async fn until_backlog_is(queue: &Queue, most: u64) -> anyhow::Result<()> {
    while queue.waiting(Noop::QUEUE).await? > most {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
