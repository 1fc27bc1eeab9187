//! A TCP proxy that makes a network fail.

use std::{io, net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bytes that are read at once, and pieces of that size that may be under way in one direction.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 256;

/// Listens on 127.0.0.1, on a port that the system chose, and forwards to another port there. It ends with this value, and
/// all of its connections with it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: watch::Sender<Network>,
    end: CancellationToken,
}

/// The state of the network.
#[derive(Debug, Clone, Copy)]
struct Network {
    target: u16,
    refuses: bool,
    stalled: bool,
    delay: Duration,
    /// Connections that were made before the last cut have ended.
    cuts: u64,
}

impl Proxy {
    /// A proxy for the server at port `target`. Call it on a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system has no port left.
    pub async fn start(target: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let network = Network { target, refuses: false, stalled: false, delay: Duration::ZERO, cuts: 0 };
        let (network, end) = (watch::Sender::new(network), CancellationToken::new());
        let (seen, ended, tasks) = (network.subscribe(), end.clone(), TaskTracker::new());
        tasks.clone().spawn(async move { ended.run_until_cancelled(accept(listener, seen, &ended, &tasks)).await });
        Ok(Self { port, network, end })
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address of a Redis behind it.
    #[must_use]
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Closes all connections, and new ones as soon as they are made, until [`Self::restore`]. The port stays this proxy's, so a
    /// client sees its connection end rather than refused.
    pub fn cut(&self) {
        self.network.send_modify(|network| {
            network.refuses = true;
            network.cuts += 1;
        });
    }

    /// A partition: connections stay open and new ones can be made, but no byte arrives, in neither direction, until
    /// [`Self::restore`]. Then everything that was sent arrives.
    pub fn stall(&self) {
        self.network.send_modify(|network| network.stalled = true);
    }

    /// Ends a cut or a stall. The delay and the target stay as they are.
    pub fn restore(&self) {
        self.network.send_modify(|network| (network.refuses, network.stalled) = (false, false));
    }

    /// From now on every byte takes this much longer, in each direction; zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.network.send_modify(|network| network.delay = delay);
    }

    /// New connections lead to the server at port `target`. Those that stand stay where they are.
    pub fn switch_to(&self, target: u16) {
        self.network.send_modify(|network| network.target = target);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    network: watch::Receiver<Network>,
    end: &CancellationToken,
    tasks: &TaskTracker,
) {
    while let Ok((client, _)) = listener.accept().await {
        let now = *network.borrow();
        if now.refuses {
            continue;
        }
        let (end, network) = (end.clone(), network.clone());
        tasks.spawn(async move {
            tokio::select! {
                _ = forward(client, now.target, &network) => {}
                () = cut_since(now.cuts, network.clone()) => {}
                () = end.cancelled() => {}
            }
        });
    }
}

async fn cut_since(cuts: u64, mut network: watch::Receiver<Network>) {
    // An error says that the proxy is gone.
    let _ = network.wait_for(|now| now.cuts > cuts).await;
}

/// Until both directions are closed, or one has failed.
async fn forward(client: TcpStream, target: u16, network: &watch::Receiver<Network>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(one_way(from_client, to_server, network), one_way(from_server, to_client, network))?;
    Ok(())
}

async fn one_way(from: OwnedReadHalf, to: OwnedWriteHalf, network: &watch::Receiver<Network>) -> io::Result<()> {
    let (pieces, arriving) = mpsc::channel(PIECES);
    tokio::try_join!(send(from, pieces, network), arrive(to, arriving, network.clone()))?;
    Ok(())
}

/// Reads pieces and says when each may arrive: a delay adds to the time that bytes take and not to how many there can be.
async fn send(
    mut from: OwnedReadHalf,
    pieces: mpsc::Sender<(Instant, Bytes)>,
    network: &watch::Receiver<Network>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let length = from.read(&mut buffer).await?;
        let due = Instant::now() + network.borrow().delay;
        let piece = Bytes::copy_from_slice(&buffer[..length]);
        if pieces.send((due, piece)).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

async fn arrive(
    mut to: OwnedWriteHalf,
    mut pieces: mpsc::Receiver<(Instant, Bytes)>,
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    while let Some((due, piece)) = pieces.recv().await {
        sleep_until(due).await;
        if network.wait_for(|now| !now.stalled).await.is_err() {
            break;
        }
        to.write_all(&piece).await?;
        if piece.is_empty() {
            to.shutdown().await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::{config::RedisConfig, redis::RedisPool, testing::TestRedis};

    /// Long enough for an answer that comes.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn pool(proxy: &Proxy) -> RedisPool {
        let config = RedisConfig { redis_url: proxy.redis_url().parse().unwrap(), queue_prefix: "proxy".to_owned() };
        RedisPool::with_response_timeout(&config, PATIENCE).unwrap()
    }

    async fn server_port(pool: &RedisPool) -> u16 {
        let mut info = redis::pipe();
        info.cmd("CONFIG").arg("GET").arg("port");
        let ((_, port),) = pool.query::<((String, u16),)>(&info).await.unwrap();
        port
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_refuses_new_ones_until_it_is_restored() {
        let redis = TestRedis::start().await.unwrap();
        let proxy = Proxy::start(redis.port()).await.unwrap();
        let pool = pool(&proxy);
        pool.ping().await.unwrap();
        proxy.cut();
        pool.ping().await.unwrap_err();
        pool.ping().await.unwrap_err();
        proxy.restore();
        timeout(PATIENCE, async { while pool.ping().await.is_err() {} }).await.unwrap();
    }

    #[tokio::test]
    async fn a_stall_keeps_what_was_sent_and_lets_it_arrive_later() {
        let redis = TestRedis::start().await.unwrap();
        let proxy = Proxy::start(redis.port()).await.unwrap();
        let pool = pool(&proxy);
        pool.ping().await.unwrap();
        proxy.stall();
        let mut answer = Box::pin(pool.ping());
        assert!(timeout(Duration::from_millis(200), &mut answer).await.is_err(), "an answer came through a stall");
        proxy.restore();
        timeout(PATIENCE, answer).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_delay_counts_each_way() {
        let redis = TestRedis::start().await.unwrap();
        let proxy = Proxy::start(redis.port()).await.unwrap();
        let pool = pool(&proxy);
        pool.ping().await.unwrap();
        proxy.delay(Duration::from_millis(100));
        let asked = Instant::now();
        pool.ping().await.unwrap();
        assert!(asked.elapsed() >= Duration::from_millis(200), "{:?}", asked.elapsed());
    }

    #[tokio::test]
    async fn a_switch_moves_new_connections_alone() {
        let (first, second) = (TestRedis::start().await.unwrap(), TestRedis::start().await.unwrap());
        let proxy = Proxy::start(first.port()).await.unwrap();
        let old = pool(&proxy);
        assert_eq!(server_port(&old).await, first.port());
        proxy.switch_to(second.port());
        assert_eq!(server_port(&old).await, first.port());
        assert_eq!(server_port(&pool(&proxy)).await, second.port());
    }
}
