//! One round: a fresh Redis, an upstream that enforces the limit, and worker processes.

use std::{fmt::Display, time::Duration};

use anyhow::Context;
use shared::testing::{
    TestRedis,
    simulator::{RunningSimulator, Simulator, SimulatorConfig, Stats},
};
use tokio::time::{Instant, sleep, timeout};
use unilingo::output;

use super::{fleet::Fleet, row::Row, setting::Limit, system::System};

/// How long workers may take to start, and to make a call.
const PATIENCE: Duration = Duration::from_mins(1);
/// The backlog comes so long before the window of the first call ends.
const BEFORE_EDGE: Duration = Duration::from_millis(300);

/// What is measured.
#[derive(Debug)]
pub(super) struct Round<'a, S> {
    pub(super) system: &'a S,
    pub(super) limit: Limit,
    pub(super) processes: u32,
    pub(super) latency_ms: u64,
}

impl<S: System> Round<'_, S> {
    /// Workers that find more in line than they may call for. At `least` is the utilisation that is expected.
    pub(super) async fn saturated(&self, windows: u32, least: f64) -> anyhow::Result<Row> {
        let span = (self.limit.window + self.system.guard()) * windows;
        self.announce("a full line", span);
        let (redis, upstream) = self.open().await?;
        // Enough for these windows, for the next one, and for one that is filled twice.
        let backlog = self.limit.calls * u64::from(windows + 2);
        self.system.enqueue(&redis, 0..backlog, Instant::now()).await?;
        let before = scripts_run(&redis).await?;
        let mut fleet = self.start(&redis, &upstream)?;
        until_first_call(&mut fleet, &upstream).await?;
        fleet.during(sleep(span)).await?;
        let (door, scripts) = (upstream.stats(self.limit.window), scripts_run(&redis).await? - before);
        fleet.stop().await?;

        let end = door.first_ms.context("no call was made")? + span.as_secs_f64() * 1_000.0;
        let calls = upstream.arrivals().iter().filter(|call| call.t_ms < end).count();
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let scripts_per_call = scripts as f64 / door.calls as f64;
        Ok(Row {
            utilisation: Some(self.limit.utilisation(calls, span)),
            least,
            scripts_per_call: Some(scripts_per_call),
            ..self.row(&door)
        })
    }

    /// Idle workers get one job, and a backlog just before the window of its call ends: whoever counts in fixed windows
    /// makes twice the calls within a moment.
    pub(super) async fn edge(&self) -> anyhow::Result<Row> {
        let window = self.limit.window;
        self.announce("a backlog at the edge of a window", 3 * window);
        let (redis, upstream) = self.open().await?;
        let mut fleet = self.start(&redis, &upstream)?;
        let idle = timeout(PATIENCE, until_idle(&redis, self.processes));
        fleet.during(idle).await?.context("the workers have not become idle")??;
        self.system.enqueue(&redis, 0..1, Instant::now()).await?;
        until_first_call(&mut fleet, &upstream).await?;
        let at = Instant::now() + window - BEFORE_EDGE;
        fleet.during(self.system.enqueue(&redis, 1..1 + 2 * self.limit.calls, at)).await??;
        fleet.during(sleep(2 * window)).await?;
        fleet.stop().await?;
        Ok(Row { edge: true, ..self.row(&upstream.stats(window)) })
    }

    fn announce(&self, what: impl Display, span: Duration) {
        let (name, limit, processes, span) = (S::NAME, self.limit, self.processes, span.as_secs_f64());
        output::line(format_args!("{name}, {limit}, processes: {processes}: {what}, {span:.0} s …"));
    }

    async fn open(&self) -> anyhow::Result<(TestRedis, RunningSimulator)> {
        let redis = TestRedis::start().await?;
        self.system.begin(&redis).await?;
        let upstream = Simulator::start(SimulatorConfig {
            rpm: self.limit.calls,
            window_ms: u64::try_from(self.limit.window.as_millis())?,
            latency_ms: self.latency_ms,
            ..SimulatorConfig::default()
        })?;
        Ok((redis, upstream))
    }

    fn start(&self, redis: &TestRedis, upstream: &RunningSimulator) -> anyhow::Result<Fleet> {
        Fleet::start(self.processes, || self.system.worker(redis, upstream, self.limit))
    }

    fn row(&self, door: &Stats) -> Row {
        Row {
            system: S::NAME,
            limit: self.limit,
            edge: false,
            processes: self.processes,
            worst: door.max_in_window,
            utilisation: None,
            least: 0.0,
            refused: door.by_status.get(&429).copied().unwrap_or(0),
            scripts_per_call: None,
        }
    }
}

async fn until_first_call(fleet: &mut Fleet, upstream: &RunningSimulator) -> anyhow::Result<()> {
    let called = fleet.during(timeout(PATIENCE, upstream.wait_for_calls(1))).await?;
    called.with_context(|| format!("no worker has made a call within {} s", PATIENCE.as_secs()))
}

/// Resolves when so many workers are blocked in Redis.
async fn until_idle(redis: &TestRedis, workers: u32) -> anyhow::Result<()> {
    let blocked = format!("blocked_clients:{workers}\r\n");
    while !info(redis, "clients").await?.contains(&blocked) {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Scripts that Redis has run since it was started.
async fn scripts_run(redis: &TestRedis) -> anyhow::Result<u64> {
    let stats = info(redis, "commandstats").await?;
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next());
    Ok(calls.unwrap_or("0").parse()?)
}

async fn info(redis: &TestRedis, section: &str) -> anyhow::Result<String> {
    let mut info = redis::pipe();
    info.cmd("INFO").arg(section);
    Ok(redis.patient_pool().query::<(String,)>(&info).await?.0)
}
