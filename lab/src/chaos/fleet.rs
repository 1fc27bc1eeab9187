//! The processes that are tormented: api replicas and flashcard workers, started from beside this program.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use shared::testing::free_port;
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Duration, Instant, sleep},
};

use crate::process::Process;

/// How long a process may take until it is ready, or to end.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Api,
    Worker,
}

/// One process of ours.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) role: Role,
    /// What it is called in leases and in the name of its log.
    pub(super) name: String,
    pub(super) process: Process,
    port: u16,
}

/// All of them. They end with this value.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) members: Vec<Member>,
    programs: PathBuf,
    logs: TempDir,
    settings: Vec<(&'static str, String)>,
    http: reqwest::Client,
    started: u32,
}

impl Fleet {
    /// Nothing yet; every process gets `settings` as its environment, and nothing else.
    pub(super) fn new(settings: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("this program's own path")?;
        let programs = own.parent().unwrap_or(Path::new(".")).to_owned();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        Ok(Self { members: Vec::new(), programs, logs: TempDir::new()?, settings, http, started: 0 })
    }

    /// Starts an api replica; its place among the members.
    pub(super) fn start_api(&mut self) -> anyhow::Result<usize> {
        let member = self.spawn(Role::Api, free_port()?)?;
        self.members.push(member);
        Ok(self.members.len() - 1)
    }

    /// Starts a flashcard worker; its place among the members.
    pub(super) fn start_worker(&mut self) -> anyhow::Result<usize> {
        let member = self.spawn(Role::Worker, free_port()?)?;
        self.members.push(member);
        Ok(self.members.len() - 1)
    }

    /// The places of the members of a role.
    pub(super) fn all(&self, role: Role) -> Vec<usize> {
        (0..self.members.len()).filter(|&place| self.members[place].role == role).collect()
    }

    /// Waits until every member says that it can do its work.
    pub(super) async fn until_ready(&self) -> anyhow::Result<()> {
        for member in &self.members {
            let until = Instant::now() + PATIENCE;
            let url = member.url("/api/ready");
            while !self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                if Instant::now() > until {
                    return Err(member.process.failure("did not become ready"));
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// `kill -9`, and another one in its place at once, on the same port.
    pub(super) async fn replace(&mut self, place: usize) -> anyhow::Result<()> {
        self.members[place].process.kill().await?;
        let (role, port) = (self.members[place].role, self.members[place].port);
        self.members[place] = self.spawn(role, port)?;
        Ok(())
    }

    /// Sends a signal to one of them.
    pub(super) fn signal(&self, place: usize, signal: Signal) -> anyhow::Result<()> {
        self.members[place].process.signal(signal)
    }

    /// The addresses of the api replicas.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.all(Role::Api).into_iter().map(|place| self.members[place].url("")).collect()
    }

    /// An error where a process has ended by itself; its log is shown.
    pub(super) fn check_alive(&mut self) -> anyhow::Result<()> {
        for member in &mut self.members {
            if let Some(status) = member.process.has_ended()? {
                return Err(member.process.failure(&format!("has ended by itself ({status})")));
            }
        }
        Ok(())
    }

    /// Leaves the logs where they are; says where.
    pub(super) fn keep_logs(&mut self) -> &Path {
        self.logs.disable_cleanup(true);
        self.logs.path()
    }

    fn spawn(&mut self, role: Role, port: u16) -> anyhow::Result<Member> {
        self.started += 1;
        let (program, name) = match role {
            Role::Api => ("api", format!("api-{}", self.started)),
            Role::Worker => ("flashcard-worker", format!("worker-{}", self.started)),
        };
        let path = self.programs.join(program);
        ensure!(
            path.is_file(),
            "{} is not there: cargo build --release --workspace --bins --features shared/testing",
            path.display()
        );
        let mut command = Command::new(path);
        // Whatever this process' own environment says about an upstream or a Redis is not for them.
        command.env_clear().envs(self.settings.iter().map(|(variable, value)| (*variable, value)));
        command.env("PORT", port.to_string()).env("RAILWAY_REPLICA_ID", &name);
        let process = Process::start(&name, command, self.logs.path())?;
        Ok(Member { role, name, process, port })
    }
}

impl Member {
    /// An address of it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}
