//! What an earlier run left behind.
//!
//! A run that was killed could not stop its programs. Two Redis servers that write the same files would spoil them, so
//! each run records what it has started, and the next one stops what is still there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// How long a program of an earlier run has to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// The record of what runs.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
}

impl Record {
    /// The record in the folder `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join("pids") }
    }

    /// Stops what the last run left behind; says what that was.
    pub(super) async fn clean(&self) -> anyhow::Result<Vec<String>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.path.display())),
        };
        let mut stopped = Vec::new();
        // The last one first: nothing loses what it needs.
        for (pid, name) in text.lines().rev().filter_map(parse) {
            if is_ours(pid, name) {
                stop(pid, name).await;
                stopped.push(name.to_owned());
            }
        }
        self.clear()?;
        Ok(stopped)
    }

    /// Adds a program, by its process id and the name of its executable.
    pub(super) fn add(&self, pid: u32, executable: &str) -> anyhow::Result<()> {
        use std::io::Write;
        let open = fs::OpenOptions::new().create(true).append(true).open(&self.path);
        open.and_then(|mut file| writeln!(file, "{pid} {executable}"))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Nothing runs any more.
    pub(super) fn clear(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

fn parse(line: &str) -> Option<(Pid, &str)> {
    let (pid, executable) = line.split_once(' ')?;
    Some((Pid::from_raw(pid.parse().ok().filter(|pid| *pid > 1)?)?, executable))
}

/// Whether the process is still that program: the system gives ids out again. One that has ended and that nobody waits
/// for, as in a container without an init, has no command line any more.
fn is_ours(pid: Pid, executable: &str) -> bool {
    let id = pid.as_raw_nonzero();
    let command = fs::read_to_string(format!("/proc/{id}/cmdline")).ok().or_else(|| {
        let ps = Command::new("ps").args(["-o", "command=", "-p", &id.to_string()]).output().ok()?;
        Some(String::from_utf8_lossy(&ps.stdout).into_owned())
    });
    command.is_some_and(|command| command.contains(executable))
}

async fn stop(pid: Pid, executable: &str) {
    let _ = kill_process(pid, Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    while is_ours(pid, executable) {
        if Instant::now() > deadline {
            let _ = kill_process(pid, Signal::KILL);
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stops_what_is_still_there_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record::new(dir.path());
        assert!(record.clean().await.unwrap().is_empty());

        let mut left = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        let mut other = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        record.add(left.id().unwrap(), "sleep").unwrap();
        record.add(other.id().unwrap(), "another-program").unwrap();
        // A program that has just been started may not have its command line yet.
        let pid = Pid::from_raw(left.id().unwrap().cast_signed()).unwrap();
        while !is_ours(pid, "sleep") {
            tokio::task::yield_now().await;
        }

        assert_eq!(record.clean().await.unwrap(), ["sleep"]);
        assert!(!left.wait().await.unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        assert!(record.clean().await.unwrap().is_empty());
    }
}
