//! Worker processes that run at once.

use std::{
    fs::File,
    io::{Read, Seek},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, anyhow};
use futures_util::future::select_all;
use tokio::process::{Child, Command};

/// Processes with one log. They end with this value.
#[derive(Debug)]
pub(super) struct Fleet {
    processes: Vec<Child>,
    log: File,
}

impl Fleet {
    /// Starts `count` processes.
    pub(super) fn start(count: u32, worker: impl Fn() -> Command) -> anyhow::Result<Self> {
        let log = tempfile::tempfile()?;
        let start = |_| {
            let mut worker = worker();
            worker.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).kill_on_drop(true);
            worker.spawn().context("a worker could not be started")
        };
        let processes = (0..count).map(start).collect::<anyhow::Result<_>>()?;
        Ok(Self { processes, log })
    }

    /// Does `work`, and ends it with an error when a process ends meanwhile.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let ends = self.processes.iter_mut().map(|process| Box::pin(process.wait()));
        let end = tokio::select! {
            done = work => return Ok(done),
            (end, ..) = select_all(ends) => end,
        };
        Err(self.failure(end?))
    }

    fn failure(&mut self, status: ExitStatus) -> anyhow::Error {
        let mut log = Vec::new();
        match self.log.rewind().and_then(|()| self.log.read_to_end(&mut log)) {
            Ok(_) => anyhow!("a worker has ended by itself ({status}); the log:\n{}", String::from_utf8_lossy(&log)),
            Err(error) => anyhow!("a worker has ended by itself ({status}), and its log can't be read: {error}"),
        }
    }

    /// Kills all of them.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            process.kill().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &'static str) -> impl Fn() -> Command {
        move || {
            let mut program = Command::new("sh");
            program.args(["-c", script]);
            program
        }
    }

    #[tokio::test]
    async fn a_process_that_ends_is_an_error_with_the_log() {
        let mut fleet = Fleet::start(2, shell("echo the reason; exit 3")).unwrap();
        let error = fleet.during(std::future::pending::<()>()).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("the reason"), "{error}");
    }

    #[tokio::test]
    async fn work_is_done_while_they_run() {
        let mut fleet = Fleet::start(2, shell("exec sleep 600")).unwrap();
        assert_eq!(fleet.during(async { 7 }).await.unwrap(), 7);
        fleet.stop().await.unwrap();
    }
}
