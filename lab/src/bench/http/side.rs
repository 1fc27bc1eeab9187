//! One of the systems that are measured: a Redis of its own, a server, and a finished job to look at.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;
use shared::{
    limiter::vouch,
    redis::Keys,
    testing::{
        TestRedis, free_port,
        simulator::{Simulator, SimulatorConfig},
    },
};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    load::{Load, Measured},
    requests::{Requests, SECRET},
};
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(30);
/// A server that has just started, or a Redis that was just emptied, is asked for this long before it counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// A system.
pub(super) struct Side {
    name: &'static str,
    redis: TestRedis,
    server: Process,
    address: SocketAddr,
    job: String,
    logs: TempDir,
}

impl Side {
    /// Ours. With a peer, both have the peer's upstream, so that their jobs come to the same cards.
    pub(super) async fn ours(peer: Option<&Path>, requests: &Requests) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("this program's own path")?;
        let folder = own.parent().context("this program's folder")?;
        let (redis, logs, port) = (TestRedis::start().await?, TempDir::new()?, free_port()?);
        vouch(&redis.patient_pool(), &Keys::new("unilingo")).await?;
        let program = |name: &str, port: u16| {
            let mut program = Command::new(folder.join(name));
            program.env("PORT", port.to_string()).env("REDIS_URL", redis.url()).env("RUST_LOG", "warn");
            program
        };
        let mut api = program("api", port);
        api.env("AUTH", "jwt").env("JWT_SECRET", SECRET).env("USER_AI_LIMIT_PER_MIN", "20");
        // All come from one address.
        api.env("IP_AI_LIMIT_PER_MIN", "1000000").env("IP_GENERAL_LIMIT_PER_15MIN", "1000000");
        api.env("QUEUE_MAX_WAITING", "10000000").env("QUEUE_MAX_BYTES", (1_u64 << 40).to_string());
        let server = Process::start("api", api, logs.path())?;
        let mut worker = program("flashcard-worker", free_port()?);
        worker.env("OPENAI_API_KEY", "simulated").env("OPENAI_RATE_LIMIT_RPM", "0").env("OPENAI_RATE_LIMIT_TPM", "0");
        let (simulator, upstream) = match peer {
            Some(folder) => (None, Some(mock(folder, logs.path()).await?)),
            None => (Some(Simulator::start(SimulatorConfig::default())?), None),
        };
        let base_url = match (&simulator, &upstream) {
            (Some(simulator), _) => simulator.base_url(),
            (None, Some((_, base_url))) => base_url.clone(),
            (None, None) => String::new(),
        };
        worker.env("OPENAI_BASE_URL", base_url);
        let side = Self::new("ours", redis, server, port, logs);
        side.finish_a_job(worker, requests).await
    }

    /// The peer in `folder`.
    pub(super) async fn peer(folder: &Path, requests: &Requests) -> anyhow::Result<Self> {
        let (redis, logs, port) = (TestRedis::start().await?, TempDir::new()?, free_port()?);
        let node = |script: &str| {
            let mut node = Command::new("node");
            node.arg(folder.join("node").join(script)).env("REDIS_URL", redis.url()).env("NODE_ENV", "production");
            node
        };
        let mut server = node("server.mjs");
        server.env("PORT", port.to_string()).env("USER_LIMIT_PER_MIN", "20");
        let server = Process::start("peer", server, logs.path())?;
        let (_upstream, base_url) = mock(folder, logs.path()).await?;
        let mut worker = node("worker.mjs");
        worker.env("OPENAI_BASE_URL", base_url).env("OPENAI_RATE_LIMIT_RPM", "0");
        let side = Self::new("peer", redis, server, port, logs);
        side.finish_a_job(worker, requests).await
    }

    fn new(name: &'static str, redis: TestRedis, server: Process, port: u16, logs: TempDir) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { name, redis, server, address, job: String::new(), logs }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Waits until the server answers, and has one job done.
    async fn finish_a_job(mut self, worker: Command, requests: &Requests) -> anyhow::Result<Self> {
        let (http, url) = (reqwest::Client::new(), format!("http://{}", self.address));
        let until = Instant::now() + PATIENCE;
        while !http.get(format!("{url}/api/health")).send().await.is_ok_and(|answer| answer.status().is_success()) {
            anyhow::ensure!(Instant::now() < until, self.server.failure("does not answer"));
            sleep(Duration::from_millis(20)).await;
        }
        let create = http.post(format!("{url}/api/ai/generate-flashcards")).bearer_auth(requests.token());
        let create = create.header("content-type", "application/json").body(requests.first_body());
        // A server may answer for its health before it has reached Redis.
        while self.job.is_empty() {
            let accepted: Value = create.try_clone().context("a POST")?.send().await?.json().await?;
            accepted["jobId"].as_str().unwrap_or_default().clone_into(&mut self.job);
            anyhow::ensure!(Instant::now() < until, self.server.failure(&format!("accepts no job: {accepted}")));
        }
        let mut worker = Process::start("worker", worker, self.logs.path())?;
        let look = http.get(format!("{url}/api/job-status/{}", self.job)).bearer_auth(requests.token());
        loop {
            let job: Value = look.try_clone().context("a GET")?.send().await?.json().await?;
            if job["status"] == "completed" {
                break;
            }
            let failed = job["status"] == "failed" || Instant::now() > until;
            anyhow::ensure!(!failed, worker.failure(&format!("has not done its job: {job}")));
            sleep(Duration::from_millis(20)).await;
        }
        worker.terminate();
        worker.end(PATIENCE, &CancellationToken::new()).await;
        Ok(self)
    }

    /// Asks for as long as `load` says, after a warm-up.
    pub(super) async fn measure(&mut self, requests: &Requests, load: Load) -> anyhow::Result<Measured> {
        if !load.of_job {
            // Each round begins with an empty queue.
            let mut empty = redis::pipe();
            empty.cmd("FLUSHALL");
            self.redis.patient_pool().query::<(String,)>(&empty).await?;
        }
        self.ask(requests, Load { time: WARM_UP, ..load })?;
        let cpu = || (cpu_seconds(self.server.pid()), cpu_seconds(self.redis.pid()));
        let (server, redis) = cpu();
        let took = self.ask(requests, load)?;
        let (server, redis) = (cpu().0 - server, cpu().1 - redis);
        Ok(Measured::of(&took, load.time, server, redis))
    }

    /// On this thread: all others are the systems'.
    fn ask(&self, requests: &Requests, load: Load) -> anyhow::Result<Vec<f64>> {
        let look = requests.look(&self.job);
        let asked = std::thread::scope(|scope| {
            let ask = || {
                if load.of_job {
                    load.run(self.address, 200, || look.clone())
                } else {
                    load.run(self.address, 202, || requests.create())
                }
            };
            scope.spawn(ask).join()
        });
        asked.map_err(|_| anyhow::anyhow!("the load has panicked"))?
    }
}

/// The peer's upstream, which answers at once, and its address.
async fn mock(folder: &Path, logs: &Path) -> anyhow::Result<(Process, String)> {
    let port = free_port()?;
    let mut mock = Command::new("node");
    mock.arg(folder.join("mock/upstream.mjs")).env("PORT", port.to_string());
    let mock = Process::start("upstream", mock, logs)?;
    let until = Instant::now() + PATIENCE;
    while reqwest::get(format!("http://127.0.0.1:{port}/_stats")).await.is_err() {
        anyhow::ensure!(Instant::now() < until, mock.failure("does not answer"));
        sleep(Duration::from_millis(20)).await;
    }
    Ok((mock, format!("http://127.0.0.1:{port}/v1")))
}

/// CPU time that a process has had, where the system tells it in `/proc`.
fn cpu_seconds(pid: Option<u32>) -> f64 {
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid?)).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: in ticks, of which a second has 100.
    ticks().unwrap_or(f64::NAN) / 100.0
}
