//! `bench requeue`: putting dead letters back.

use std::{
    fmt::Display,
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    budget::Allowance,
    job::{JobId, Kind},
    queue::{NewJob, Queue},
    redis::RedisPool,
    testing::TestRedis,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};
use unilingo::output;

use super::{
    figures::verdict,
    noop::{self, Doomed},
};

/// Enqueues in flight at once.
const IN_FLIGHT: usize = 64;
/// Jobs of one user.
const OF_A_USER: u64 = 100;
/// What a job carries, in bytes.
const TEXT_BYTES: usize = 1_000;
/// All letters are to be back within so many seconds.
const GOAL_SECONDS: f64 = 20.0;
/// How often the books are looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// How fast dead letters are put back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab bench requeue\n  lab bench requeue --letters 10000")]
pub(crate) struct RequeueArgs {
    /// Dead letters; no more are kept
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    letters: u64,
}

pub(super) async fn run(args: RequeueArgs) -> anyhow::Result<ExitCode> {
    let mut bench = Bench::new(args.letters).await?;
    let met = bench.alone().await? && bench.together().await?;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Jobs that fail and are put back, in rounds.
struct Bench {
    redis: TestRedis,
    pool: RedisPool,
    jobs: Vec<JobId>,
    rounds: u64,
}

impl Bench {
    async fn new(letters: u64) -> anyhow::Result<Self> {
        let redis = TestRedis::start().await?;
        output::line(format_args!("Enqueueing {letters} jobs …"));
        let queue = noop::queue(&redis)?.with_budget(Allowance {
            prices: "bench=1/10".parse()?,
            model: "bench".to_owned(),
            chunk_tokens: 1_000,
            max_output_tokens: 1_000,
            ..Allowance::default()
        });
        let jobs = enqueue(&queue, letters).await?;
        Ok(Self { pool: redis.patient_pool(), redis, jobs, rounds: 0 })
    }

    /// One command puts all of them back.
    async fn alone(&mut self) -> anyhow::Result<bool> {
        self.doom().await?;
        let began = Instant::now();
        let mut command = self.requeue()?;
        let end = command.wait().await?;
        let took = began.elapsed();
        anyhow::ensure!(end.success(), "unilingo requeue ended with {end}");
        self.report("one command", took).await
    }

    /// Two at once, of which one is killed in its midst.
    async fn together(&mut self) -> anyhow::Result<bool> {
        self.doom().await?;
        let began = Instant::now();
        let (mut survivor, mut victim) = (self.requeue()?, self.requeue()?);
        let half = self.jobs.len() as u64 / 2;
        while self.dead().await? > half {
            sleep(GLANCE).await;
        }
        victim.kill().await?;
        let left = self.dead().await?;
        let end = survivor.wait().await?;
        let took = began.elapsed();
        anyhow::ensure!(end.success(), "unilingo requeue ended with {end}");
        anyhow::ensure!(left > 0, "it was killed too late: all letters were back");
        self.report(format_args!("two at once, one killed with {left} letters left"), took).await
    }

    async fn report(&self, who: impl Display, took: Duration) -> anyhow::Result<bool> {
        let letters = self.jobs.len() as u64;
        let (dead, unfinished, twice, missed) = self.books().await?;
        let seconds = took.as_secs_f64();
        let met = [seconds < GOAL_SECONDS, dead == 0 && unfinished == letters && missed == 0, twice == 0];
        output::line(format_args!(
            "requeue, {who}: {seconds:.2} s for {letters} letters (below {GOAL_SECONDS:.0} s at 100,000): {}",
            verdict(met[0])
        ));
        output::line(format_args!(
            "  {unfinished} unfinished jobs, {dead} dead letters, {missed} not put back: {}; put back twice: {twice}: {}",
            verdict(met[1]),
            verdict(met[2])
        ));
        Ok(met == [true; 3])
    }

    /// All jobs fail, in a worker.
    async fn doom(&mut self) -> anyhow::Result<()> {
        output::line(format_args!("Letting {} jobs fail …", self.jobs.len()));
        let mut worker = noop::start_with(&self.redis, 128, &["--doom"])?;
        while self.dead().await? < self.jobs.len() as u64 {
            anyhow::ensure!(worker.try_wait()?.is_none(), "the worker has ended");
            sleep(GLANCE).await;
        }
        worker.kill().await?;
        self.rounds += 1;
        Ok(())
    }

    /// `unilingo requeue` by a filter that all letters match.
    fn requeue(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("this program's own path")?.with_file_name("unilingo");
        Command::new(program)
            .args(["requeue", "--error", "^bench_(even|odd)$", "--since", "1d", "--yes"])
            .args(["--redis-url", &self.redis.url(), "--queue-prefix", noop::PREFIX])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("unilingo requeue could not be started")
    }

    async fn dead(&self) -> anyhow::Result<u64> {
        let mut count = redis::pipe();
        count.zcard(noop::keys().dead(Doomed::QUEUE.as_str()));
        Ok(self.pool.query::<(u64,)>(&count).await?.0)
    }

    /// Dead letters, unfinished jobs, and of all jobs how many were put back too often, and too rarely.
    async fn books(&self) -> anyhow::Result<(u64, u64, u64, u64)> {
        let (keys, pool, queue) = (noop::keys(), &self.pool, Doomed::QUEUE.as_str());
        let mut count = redis::pipe();
        count.zcard(keys.dead(queue)).zcard(keys.deadlines(queue));
        let (dead, unfinished): (u64, u64) = pool.query(&count).await?;
        let (mut twice, mut missed) = (0, 0);
        for some in self.jobs.chunks(1_000) {
            let mut read = redis::pipe();
            for id in some {
                read.hget(keys.job(*id), "requeued");
            }
            for times in pool.query::<Vec<Option<u64>>>(&read).await? {
                let times = times.unwrap_or_default();
                twice += u64::from(times > self.rounds);
                missed += u64::from(times < self.rounds);
            }
        }
        Ok((dead, unfinished, twice, missed))
    }
}

async fn enqueue(queue: &Queue, letters: u64) -> anyhow::Result<Vec<JobId>> {
    let enqueued = stream::iter(0..letters).map(|number| async move {
        let payload = Doomed { number, text: "x".repeat(TEXT_BYTES) };
        let job = NewJob { listed: true, ..NewJob::new(payload, format!("user {}", number / OF_A_USER)) };
        queue.enqueue(&job).await.map(|accepted| accepted.id)
    });
    Ok(enqueued.buffer_unordered(IN_FLIGHT).try_collect().await?)
}
