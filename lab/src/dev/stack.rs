//! The programs that make up the system on this machine.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use futures_util::future::select_all;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use unilingo::output;

use super::leftovers::Record;

use crate::process::Process;

/// How long a program may take until it answers.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a program may take to stop: enough for what is quick, and what is not is taken up by the next start.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What a program is for, in the order in which things start. They stop in the opposite order, so that nothing loses
/// what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Redis,
    Simulator,
    Worker,
    Api,
}

impl Role {
    const STOP_ORDER: [Self; 4] = [Self::Api, Self::Worker, Self::Simulator, Self::Redis];
}

/// Everything that was started.
#[derive(Debug)]
pub(super) struct Stack {
    logs: PathBuf,
    record: Record,
    programs: PathBuf,
    running: Vec<(Role, Process)>,
}

impl Stack {
    /// Nothing yet; logs go to `logs`. Our programs are looked for beside this one.
    pub(super) fn new(logs: PathBuf, record: Record) -> anyhow::Result<Self> {
        let me = std::env::current_exe().context("cannot tell where this program is")?;
        let programs = me.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { logs, record, programs, running: Vec::new() })
    }

    /// The record of what runs, which may still be that of an earlier run.
    pub(super) const fn leftovers(&self) -> &Record {
        &self.record
    }

    /// One of our own programs, not started yet.
    pub(super) fn program(&self, name: &str) -> anyhow::Result<Command> {
        let path = self.programs.join(name);
        ensure!(
            path.is_file(),
            "{} is not there: cargo build --workspace --bins --features shared/testing",
            path.display()
        );
        Ok(Command::new(path))
    }

    /// Starts a program.
    pub(super) fn start(&mut self, role: Role, name: &str, program: Command) -> anyhow::Result<()> {
        let executable = Path::new(program.as_std().get_program()).to_string_lossy().into_owned();
        let process = Process::start(name, program, &self.logs)?;
        let pid = process.pid();
        self.running.push((role, process));
        pid.map_or(Ok(()), |pid| self.record.add(pid, &executable))
    }

    /// Waits until `probe` says that the program `name` works.
    pub(super) async fn ready(&mut self, name: &str, probe: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        let poll = async {
            while !probe().await {
                if Instant::now() > deadline {
                    return Ok(false);
                }
                sleep(Duration::from_millis(50)).await;
            }
            Ok(true)
        };
        if self.watch(poll).await? {
            return Ok(());
        }
        let what = format!("was not ready after {} s", START_PATIENCE.as_secs());
        match self.running.iter().find(|(_, process)| process.name() == name) {
            Some((_, process)) => Err(process.failure(&what)),
            None => Err(anyhow::anyhow!("{name} {what}")),
        }
    }

    /// Does `work`, and ends it with an error when one of the programs ends meanwhile.
    pub(super) async fn watch<T>(&mut self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            error = self.first_end() => Err(error),
        }
    }

    /// Waits until one of the programs has ended, which none should; the error shows its log.
    pub(super) async fn first_end(&mut self) -> anyhow::Error {
        if self.running.is_empty() {
            return std::future::pending().await;
        }
        let ends = self.running.iter_mut().map(|(_, process)| Box::pin(process.ended()));
        let (end, index, others) = select_all(ends).await;
        drop(others);
        let what = match end {
            Ok(status) => format!("has ended by itself ({status})"),
            Err(error) => format!("cannot be watched ({error})"),
        };
        self.running[index].1.failure(&what)
    }

    /// Stops everything, in order; at once when `now` is asked for.
    pub(super) async fn stop(&mut self, now: &CancellationToken) {
        for role in Role::STOP_ORDER {
            let stopping = || self.running.iter().filter(|(of, _)| *of == role).map(|(_, process)| process);
            stopping().for_each(Process::terminate);
            for (_, process) in self.running.iter_mut().filter(|(of, _)| *of == role) {
                if process.end(STOP_PATIENCE, now).await {
                    output::error(format_args!("{} did not stop and was killed", process.name()));
                }
            }
        }
        self.running.clear();
        if let Err(error) = self.record.clear() {
            output::error(format_args!("{error:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(dir: &Path) -> Stack {
        Stack::new(dir.to_owned(), Record::new(dir)).unwrap()
    }

    fn shell(script: &str) -> Command {
        let mut program = Command::new("sh");
        program.args(["-c", script]);
        program
    }

    #[tokio::test]
    async fn a_program_that_ends_is_named_with_the_end_of_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut stack = stack(dir.path());
        stack.start(Role::Redis, "steady", shell("sleep 600")).unwrap();
        stack.start(Role::Worker, "fragile", shell("echo the reason; exit 3")).unwrap();
        let error = stack.watch(std::future::pending::<anyhow::Result<()>>()).await.unwrap_err().to_string();
        assert!(error.starts_with("fragile has ended by itself (exit status: 3)"), "{error}");
        assert!(error.contains("the reason"), "{error}");
        stack.stop(&CancellationToken::new()).await;
    }

    #[tokio::test]
    async fn stops_what_needs_the_others_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut stack = stack(dir.path());
        let stops = dir.path().join("stops");
        for (role, name) in [(Role::Redis, "redis"), (Role::Worker, "worker"), (Role::Api, "api")] {
            let (up, stops) = (dir.path().join(name), stops.display());
            let script = format!(
                "trap 'echo {name} >>{stops}; exit' TERM; touch {}; while :; do sleep 0.05; done",
                up.display()
            );
            stack.start(role, name, shell(&script)).unwrap();
            stack.ready(name, async || up.exists()).await.unwrap();
        }
        stack.stop(&CancellationToken::new()).await;
        assert_eq!(std::fs::read_to_string(stops).unwrap(), "api\nworker\nredis\n");
        assert!(!dir.path().join("pids").exists());
    }
}
