//! A program of ours as a process.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use shared::testing::free_port;
use tokio::process::{Child, Command};

use super::PATIENCE;

/// A running program, which ends with this value.
pub(crate) struct Process {
    child: Child,
    port: u16,
    log: tempfile::NamedTempFile,
}

impl Process {
    /// Starts `program` with `settings` in its environment and a port of its own.
    pub(crate) fn start<'a>(program: &str, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self::run(Command::new(path_of(program)).envs(settings))
    }

    /// Starts any program of ours.
    pub(crate) fn run(command: &mut Command) -> Self {
        let port = free_port().unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        let output = || Stdio::from(log.reopen().unwrap());
        command.env("PORT", port.to_string()).stdin(Stdio::null()).stdout(output()).stderr(output()).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, port, log }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    pub(crate) async fn until_it_logs(&self, text: &str) {
        let logged = async {
            while !self.log().contains(text) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, logged).await.is_ok(), "it does not log {text:?}: {}", self.log());
    }

    pub(crate) async fn until_it_answers(&self, http: &reqwest::Client) {
        let asking = async { while http.get(self.url("/api/health")).send().await.is_err() {} };
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        assert!(answered.is_ok(), "it does not answer: {}", self.log());
    }

    /// Resolves when it says that it can do its work.
    pub(crate) async fn until_ready(&self, http: &reqwest::Client) {
        let asking = async {
            while !http.get(self.url("/api/ready")).send().await.is_ok_and(|answer| answer.status().is_success()) {}
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it is never ready: {}", self.log()));
    }

    /// Resolves when it says that it can not.
    pub(crate) async fn until_not_ready(&self, http: &reqwest::Client) {
        let asking = async { while http.get(self.url("/api/ready")).send().await.unwrap().status() != 503 {} };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it stays ready: {}", self.log()));
    }

    /// The processor time that it has used so far, as Linux counts it.
    pub(crate) fn cpu(&self) -> Duration {
        let pid = self.child.id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // Behind the name, which is in parentheses and may hold anything: the 12th and 13th field are its ticks.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap()
    }

    /// `kill -9`, and nothing of it is left.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops the clock for it (SIGSTOP), until it is resumed.
    pub(crate) fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.log())).unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// Where cargo put the program: beside this test's folder `deps`.
pub(crate) fn path_of(program: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().and_then(|deps| deps.parent()).unwrap().join(program);
    assert!(path.exists(), "{program} is not built: cargo build --workspace --bins --features shared/testing");
    path
}
