//! One program that was started, and its log.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Of a log, the lines that are shown when its program has failed.
const TAIL_LINES: usize = 20;
/// Of a log, the bytes that are looked at for them.
const TAIL_BYTES: u64 = 16 * 1024;

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts `program`, with its output in `<logs>/<name>.log`.
    pub(super) fn start(name: &str, mut program: Command, logs: &Path) -> anyhow::Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        program.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        // A group of its own: Ctrl-C reaches us alone, so that we can stop things in order.
        program.process_group(0);
        let path = program.as_std().get_program().to_owned();
        let child = program.spawn().with_context(|| format!("cannot start {}", path.display()))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// What it is called here.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to stop.
    pub(super) fn terminate(&self) {
        // It may have ended in this moment, which is what we want.
        let _ = self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.with_context(|| format!("{} has ended", self.name))?;
        kill_process(pid, signal).with_context(|| format!("{} can't be signalled", self.name))
    }

    /// `kill -9`, and nothing of it is left.
    pub(super) async fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill().await
    }

    /// How it has ended, if it has.
    pub(super) fn has_ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Waits for its end, for as long as `patience` and until `now`; then kills it. Says whether it had to.
    pub(super) async fn end(&mut self, patience: Duration, now: &CancellationToken) -> bool {
        let ended = tokio::select! {
            ended = timeout(patience, self.child.wait()) => ended.is_ok(),
            () = now.cancelled() => false,
        };
        if !ended {
            let _ = self.child.kill().await;
        }
        !ended
    }

    /// An error that says why it is of no use, with the end of its log.
    pub(super) fn failure(&self, what: &str) -> anyhow::Error {
        let log = self.log.display();
        match tail(&self.log) {
            Ok(lines) if lines.is_empty() => anyhow::anyhow!("{} {what}; its log, {log}, is empty", self.name),
            Ok(lines) => anyhow::anyhow!("{} {what}; the end of {log}:\n\n{lines}\n", self.name),
            Err(error) => anyhow::anyhow!("{} {what}; {log} cannot be read: {error}", self.name),
        }
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Process) {
        let logs = tempfile::tempdir().unwrap();
        let mut program = Command::new("sh");
        program.args(["-c", script]);
        let process = Process::start("program", program, logs.path()).unwrap();
        (logs, process)
    }

    #[tokio::test]
    async fn the_failure_shows_the_end_of_the_log() {
        let (_logs, mut process) = shell("seq 1 50; echo the reason >&2; exit 7");
        assert_eq!(process.ended().await.unwrap().code(), Some(7));
        let text = process.failure("has ended").to_string();
        assert!(text.starts_with("program has ended; the end of "), "{text}");
        assert!(text.contains("\n50\nthe reason\n") && !text.contains("\n31\n"), "{text}");
    }

    #[tokio::test]
    async fn it_stops_when_asked() {
        let (_logs, mut process) = shell("sleep 600");
        process.terminate();
        assert!(!process.end(Duration::from_secs(30), &CancellationToken::new()).await);
    }

    #[tokio::test]
    async fn what_does_not_stop_is_killed() {
        let (_logs, mut process) = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
        while tail(&process.log).unwrap() != "deaf" {
            tokio::task::yield_now().await;
        }
        let now = CancellationToken::new();
        now.cancel();
        process.terminate();
        assert!(process.end(Duration::from_secs(30), &now).await);
        assert_eq!(process.pid(), None);
    }
}
