//! A Redis of one's own.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::clock_step::ClockStep;
use crate::{config::RedisConfig, redis::RedisPool};

/// Names that a Redis server goes by.
pub(super) const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// Below those that systems give to outgoing connections: one of these would be taken by somebody else before we listen there.
const PORTS: RangeInclusive<u16> = 10_240..=32_000;
const PORTS_TRIED: usize = 100;
/// A node of a cluster also listens on the port that is so many above its own, which must not be one of outgoing connections.
const BUS_OFFSET: u16 = 10_000;
/// How long a server may take to load its data and listen.
const START_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A Redis server on 127.0.0.1, on a port that the system chose and in a temporary folder, which ends with this value.
#[derive(Debug)]
pub struct TestRedis {
    port: u16,
    append_fsync: Option<&'static str>,
    is_cluster_node: bool,
    folder: TempDir,
    clock: Option<ClockStep>,
    server: Option<Child>,
}

impl TestRedis {
    /// A server that keeps nothing on disk.
    ///
    /// # Errors
    ///
    /// When no server is installed or it does not start.
    pub async fn start() -> io::Result<Self> {
        Self::with_append_only(None).await
    }

    /// A server with an append-only file, written as `fsync` (`always`, `everysec`) says.
    ///
    /// # Errors
    ///
    /// When no server is installed or it does not start.
    pub async fn with_append_only(fsync: impl Into<Option<&'static str>>) -> io::Result<Self> {
        Self::prepare(free_port()?, fsync.into(), false)?.launch().await
    }

    /// A node of a cluster: it serves no slot and knows no other node yet.
    ///
    /// # Errors
    ///
    /// When no server is installed or it does not start.
    pub async fn cluster_node() -> io::Result<Self> {
        let port = free_port_of(*PORTS.start()..=*PORTS.end() - BUS_OFFSET)?;
        Self::prepare(port, None, true)?.launch().await
    }

    /// A server whose wall clock the test moves ([`Self::set_clock_ahead`]).
    ///
    /// # Errors
    ///
    /// When there is no C compiler, no server is installed or it does not start.
    pub async fn with_movable_clock() -> io::Result<Self> {
        let mut redis = Self::prepare(free_port()?, None, false)?;
        redis.clock = Some(ClockStep::build(redis.folder.path())?);
        redis.launch().await
    }

    /// Sets the server's wall clock so many seconds ahead of the machine's, at once.
    ///
    /// # Errors
    ///
    /// When the server was not started with [`Self::with_movable_clock`].
    pub fn set_clock_ahead(&self, seconds: i64) -> io::Result<()> {
        self.clock.as_ref().ok_or_else(|| io::Error::other("this server has the machine's clock"))?.set(seconds)
    }

    fn prepare(port: u16, append_fsync: Option<&'static str>, is_cluster_node: bool) -> io::Result<Self> {
        Ok(Self { port, append_fsync, is_cluster_node, folder: TempDir::new()?, clock: None, server: None })
    }

    async fn launch(mut self) -> io::Result<Self> {
        self.start_again().await?;
        Ok(self)
    }

    /// Starts the server once more after [`Self::kill`], on the same port and with the same folder.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn start_again(&mut self) -> io::Result<()> {
        let mut missing = io::Error::from(io::ErrorKind::NotFound);
        for program in PROGRAMS {
            match self.serve(program).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing = error,
                server => {
                    self.server = Some(server?);
                    return Ok(());
                }
            }
        }
        Err(io::Error::new(missing.kind(), "neither redis-server nor valkey-server is installed: ./check installs one"))
    }

    /// Ends the server at once, as `kill -9` does.
    ///
    /// # Errors
    ///
    /// When it can't be ended.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.server.take() {
            Some(mut server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Makes it a replica of `primary`; resolves when it has all that the primary has.
    ///
    /// # Errors
    ///
    /// When one of them does not answer, or the replica does not follow in time.
    pub async fn follow(&self, primary: &Self) -> io::Result<()> {
        let follow = async {
            let port = primary.port.to_string();
            self.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]).await?;
            self.until_as_new_as(primary).await
        };
        let followed = timeout(START_PATIENCE, follow).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        followed.map_err(io::Error::other)
    }

    /// Resolves when this replica has all that `primary` has written so far.
    ///
    /// # Errors
    ///
    /// When the primary does not answer.
    pub async fn until_as_new_as(&self, primary: &Self) -> redis::RedisResult<()> {
        let offset = |of: &redis::InfoDict, field| of.get::<u64>(field).unwrap_or(0);
        let written: redis::InfoDict = primary.ask(&["INFO", "replication"]).await?;
        let written = offset(&written, "master_repl_offset");
        loop {
            // A server that becomes a replica closes its connections.
            if let Ok(own) = self.ask::<redis::InfoDict>(&["INFO", "replication"]).await {
                let is_up = own.get::<String>("master_link_status").as_deref() == Some("up");
                if is_up && offset(&own, "slave_repl_offset") >= written {
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether it is a primary.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn is_primary(&self) -> redis::RedisResult<bool> {
        let own: redis::InfoDict = self.ask(&["INFO", "replication"]).await?;
        Ok(own.get::<String>("role").as_deref() == Some("master"))
    }

    /// Asks this server and no other.
    ///
    /// # Errors
    ///
    /// When it does not answer, or answers with an error.
    pub async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words).query_async(&mut self.patient_pool().connection()).await
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().and_then(Child::id)
    }

    /// A connection to it, as the product makes one.
    ///
    /// # Panics
    ///
    /// Never: the address is one of our own making.
    #[must_use]
    pub fn pool(&self) -> RedisPool {
        RedisPool::new(&self.config()).expect("a URL of our own making")
    }

    /// A connection for the test's own questions, which a busy machine may answer late.
    ///
    /// # Panics
    ///
    /// Never: the address is one of our own making.
    #[must_use]
    pub fn patient_pool(&self) -> RedisPool {
        RedisPool::with_response_timeout(&self.config(), START_PATIENCE).expect("a URL of our own making")
    }

    async fn serve(&self, program: &str) -> io::Result<Child> {
        let port = self.port;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
            .arg(self.folder.path())
            // Else a replica waits 5 s for others that may come.
            .args(["--repl-diskless-sync-delay", "0"]);
        match self.append_fsync {
            Some(fsync) => command.args(["--appendonly", "yes", "--appendfsync", fsync]),
            None => command.args(["--appendonly", "no"]),
        };
        if self.is_cluster_node {
            command.args(["--cluster-enabled", "yes"]);
        }
        if let Some(clock) = &self.clock {
            clock.prepare(&mut command);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut server = command.spawn()?;
        let Some(output) = server.stdout.take() else { return Err(io::Error::other("the server has no output")) };
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line.to_lowercase().contains("ready to accept connections") {
                    return Ok(());
                }
            }
            Err(io::Error::other(format!("{program} ended before it listened on port {port}")))
        };
        timeout(START_PATIENCE, ready).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        // Whatever it says later is read away, or it would block when the pipe is full.
        let mut rest = lines.into_inner();
        #[expect(clippy::disallowed_methods, reason = "ends with the server's output; there is nothing to wait for")]
        tokio::spawn(async move { tokio::io::copy(&mut rest, &mut tokio::io::sink()).await });
        Ok(server)
    }

    fn config(&self) -> RedisConfig {
        RedisConfig::new(self.url().parse().expect("a URL of our own making"), "unilingo")
    }
}

/// A port that is free now, by chance.
///
/// # Errors
///
/// When the system has none.
pub fn free_port() -> io::Result<u16> {
    free_port_of(PORTS)
}

fn free_port_of(ports: RangeInclusive<u16>) -> io::Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut some = (0..PORTS_TRIED).map(|_| rand::random_range(ports.clone()));
    some.find(free).ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}
