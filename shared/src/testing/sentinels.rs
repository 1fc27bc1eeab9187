//! Three Sentinels of one's own.

use std::{fmt::Write as _, fs, io, process::Stdio, time::Duration};

use redis::{Client, Cmd};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{TestRedis, free_port, redis_server::PROGRAMS};

/// The name that they know the primary by.
const SERVICE: &str = "uni";
const COUNT: usize = 3;
/// So many have to miss the primary before it is replaced.
const QUORUM: usize = 2;
/// A primary counts as down after this long without an answer.
const DOWN_AFTER: Duration = Duration::from_secs(1);
/// A failover that did not succeed is tried again after twice this long.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long they may take to know each other and the replica.
const START_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Three Sentinels on 127.0.0.1 that know each other, a primary and its replicas. They end with this value.
#[derive(Debug)]
pub struct TestSentinels {
    ports: Vec<u16>,
    password: Option<String>,
    servers: Vec<Child>,
    folder: TempDir,
}

impl TestSentinels {
    /// Sentinels of this primary, which has to have a replica. With a `password`, Sentinels answer nobody without it.
    ///
    /// # Errors
    ///
    /// When no server is installed, or they do not come together.
    pub async fn start(primary: &TestRedis, password: Option<&str>) -> io::Result<Self> {
        let mut sentinels = Self {
            ports: (0..COUNT).map(|_| free_port()).collect::<io::Result<_>>()?,
            password: password.map(str::to_owned),
            servers: Vec::new(),
            folder: TempDir::new()?,
        };
        // They are told of each other: to find that out takes them seconds.
        let known: Vec<_> = sentinels.ports.iter().map(|port| (*port, format!("{port:040x}"))).collect();
        for (port, id) in &known {
            let mut settings = format!(
                "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {SERVICE} 127.0.0.1 {primary} {QUORUM}\n\
                 sentinel down-after-milliseconds {SERVICE} {down}\nsentinel failover-timeout {SERVICE} {failover}\n",
                folder = sentinels.folder.path().display(),
                primary = primary.port(),
                down = DOWN_AFTER.as_millis(),
                failover = FAILOVER_TIMEOUT.as_millis(),
            );
            let _ = writeln!(settings, "sentinel myid {id}");
            for (other, id) in known.iter().filter(|(other, _)| other != port) {
                let _ = writeln!(settings, "sentinel known-sentinel {SERVICE} 127.0.0.1 {other} {id}");
            }
            if let Some(password) = password {
                let _ = write!(settings, "requirepass {password}\nsentinel sentinel-pass {password}\n");
            }
            let file = sentinels.folder.path().join(format!("{port}.conf"));
            fs::write(&file, settings)?;
            let start = |program: &str| {
                let mut command = Command::new(program);
                command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                command.kill_on_drop(true).spawn()
            };
            let server = PROGRAMS.iter().map(|program| start(program)).find(Result::is_ok);
            sentinels.servers.push(server.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))??);
        }
        timeout(START_PATIENCE, sentinels.joined()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(sentinels)
    }

    /// The address of the primary that they name, as `REDIS_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis-sentinel://{}/{SERVICE}", hosts.join(","))
    }

    /// Ends the Sentinel at this place of the URL at once, as `kill -9` does.
    ///
    /// # Errors
    ///
    /// When it can't be ended.
    pub async fn kill(&mut self, place: usize) -> io::Result<()> {
        self.servers[place].kill().await
    }

    /// Puts the replica in the primary's place, which lives on.
    ///
    /// # Errors
    ///
    /// When a Sentinel does not do so in time.
    pub async fn fail_over(&self) -> io::Result<()> {
        let failing_over = async {
            // Refused until the Sentinel has heard from the replica.
            while self.ask::<()>(self.ports[0], &["SENTINEL", "FAILOVER", SERVICE]).await.is_err() {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(START_PATIENCE, failing_over).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
    }

    async fn joined(&self) {
        for port in &self.ports {
            let well = async || {
                let state = ["SENTINEL", "MASTER", SERVICE];
                let state: Vec<String> = self.ask(*port, &state).await.unwrap_or_default();
                let has = |field: &str, least: usize| {
                    let value = state.chunks(2).find(|pair| pair[0] == field).and_then(|pair| pair.get(1));
                    value.and_then(|value| value.parse().ok()).is_some_and(|count: usize| count >= least)
                };
                let quorum: String = self.ask(*port, &["SENTINEL", "CKQUORUM", SERVICE]).await.unwrap_or_default();
                has("num-other-sentinels", COUNT - 1) && has("num-slaves", 1) && quorum.starts_with("OK 3 ")
            };
            while !well().await {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn ask<T: redis::FromRedisValue>(&self, port: u16, words: &[&str]) -> redis::RedisResult<T> {
        let login = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        let client = Client::open(format!("redis://{login}127.0.0.1:{port}"))?;
        let mut command = Cmd::new();
        command.arg(words).query_async(&mut client.get_multiplexed_async_connection().await?).await
    }
}
