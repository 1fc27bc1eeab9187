//! The load: so many connections, each of which asks again as soon as it has its answer.
//!
//! It runs on one thread and reads no more of an answer than it must: it shares the machine with what it measures.

use std::{fmt, net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::super::figures::percentile;

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) time: Duration,
    /// Look at a finished job; else ask for new ones.
    pub(super) of_job: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Microseconds of CPU time a request.
    pub(super) server_us: f64,
    pub(super) redis_us: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_second, p50_ms, p99_ms, server_us, redis_us } = self;
        write!(
            f,
            "{per_second:>7.0} requests/s, p50 {p50_ms:>6.2} ms, p99 {p99_ms:>6.2} ms; CPU a request: server \
             {server_us:.0} µs, Redis {redis_us:.0} µs"
        )
    }
}

impl Load {
    /// Asks `server` for as long as it should: how long each answer took, in ms, sorted.
    ///
    /// # Errors
    ///
    /// When an answer has another status than `expected`: what was refused is no speed.
    pub(super) fn run(self, server: SocketAddr, expected: u16, next: impl Fn() -> Vec<u8>) -> anyhow::Result<Vec<f64>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let until = Instant::now() + self.time;
        let connections = (0..self.connections).map(|_| ask(server, expected, until, &next));
        let mut took = runtime.block_on(try_join_all(connections))?.concat();
        took.sort_by(f64::total_cmp);
        Ok(took)
    }
}

async fn ask(
    server: SocketAddr,
    expected: u16,
    until: Instant,
    next: &impl Fn() -> Vec<u8>,
) -> anyhow::Result<Vec<f64>> {
    let mut connection = TcpStream::connect(server).await?;
    connection.set_nodelay(true)?;
    let (mut took, mut answer) = (Vec::new(), Vec::with_capacity(16 * 1024));
    while Instant::now() < until {
        let request = next();
        let start = Instant::now();
        connection.write_all(&request).await?;
        let status = read(&mut connection, &mut answer).await?;
        if status != expected {
            bail!("{status} instead of {expected}: {}", String::from_utf8_lossy(&answer));
        }
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}

/// Reads one answer; its status.
async fn read(connection: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<u16> {
    answer.clear();
    loop {
        anyhow::ensure!(connection.read_buf(answer).await? > 0, "the server has closed a connection");
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = str::from_utf8(&answer[..end])?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).context("an answer without a status")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let whole = end + 4 + length.context("an answer without a length")?;
        while answer.len() < whole {
            anyhow::ensure!(connection.read_buf(answer).await? > 0, "an answer breaks off");
        }
        return Ok(status);
    }
}

impl Measured {
    /// From what each answer took, and from the CPU time of all, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(super) fn of(took: &[f64], time: Duration, server_s: f64, redis_s: f64) -> Self {
        let answers = took.len().max(1) as f64;
        Self {
            per_second: took.len() as f64 / time.as_secs_f64(),
            p50_ms: percentile(took, 0.5),
            p99_ms: percentile(took, 0.99),
            server_us: server_s * 1e6 / answers,
            redis_us: redis_s * 1e6 / answers,
        }
    }
}
