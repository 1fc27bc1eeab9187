//! Bringing the shared connection back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::Rng;
use redis::{
    Client, ErrorKind, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{sync::watch, time::Instant};

use super::{
    node::Node,
    probe::probe,
    trouble::{Trouble, codes},
};

mod watcher;

/// Pauses between two attempts to connect.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// What a new connection does not mend is told once in this time.
const TELL_AGAIN: Duration = Duration::from_mins(1);
/// Servers and what lies before them close connections that were silent for a while (`timeout` in redis.conf, load
/// balancers). After this long a connection is looked at before something is sent that must not be sent twice.
const IDLE_AFTER: Duration = Duration::from_millis(2_500);
/// A connection that was closed says so at once. One that does not answer within this time is slow, and is used as it is.
const LOOK_PATIENCE: Duration = Duration::from_millis(100);
/// How long a caller waits for a new connection in the place of a closed one.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(800);

/// The connection that a process shares, and its replacement when something is wrong with it.
///
/// A [`ConnectionManager`] by itself connects again only where the connection broke, and only when a command asks for it, which
/// it answers with the last attempt's error. It stays for ever on a server that was demoted, on the far side of a partition, and on
/// a password that was wrong once. So whenever an error says that Redis is in trouble, new connections are tried in the
/// background until one takes writes.
pub(super) struct Recovery {
    node: Node,
    settings: ConnectionManagerConfig,
    /// A key that never exists.
    probe_key: String,
    current: watch::Sender<Shared>,
    runs: AtomicBool,
    told: Mutex<Option<Instant>>,
    began: Instant,
    /// When the connection was last known to be open, in ms since `began`; 0 before that.
    open_ms: AtomicU64,
    /// One caller looks whether a silent connection is open; the others wait for what it finds.
    looking: tokio::sync::Mutex<()>,
    /// Whether the server was connected to before.
    was_connected: AtomicBool,
}

/// The shared connection; which one it is says its number.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) number: u64,
    pub(super) connection: ConnectionManager,
}

impl Recovery {
    /// Connects when the connection is first used.
    ///
    /// `placeholder` is connected to until a Sentinel has named the primary; without Sentinels it is the server.
    pub(super) fn new(
        node: Node,
        placeholder: Client,
        settings: ConnectionManagerConfig,
        probe_key: String,
    ) -> RedisResult<Arc<Self>> {
        let connection = ConnectionManager::new_lazy_with_config(placeholder, settings.clone())?;
        let current = watch::Sender::new(Shared { number: 0, connection });
        Ok(Arc::new(Self {
            node,
            settings,
            probe_key,
            current,
            runs: AtomicBool::new(false),
            told: Mutex::default(),
            began: Instant::now(),
            open_ms: AtomicU64::new(0),
            looking: tokio::sync::Mutex::default(),
            was_connected: AtomicBool::new(false),
        }))
    }

    /// The connection in use.
    pub(super) fn current(&self) -> Shared {
        self.current.borrow().clone()
    }

    /// The connection in use. One that was silent for a while is looked at first; where the other side has closed it, a new one is
    /// waited for. While Redis is known to be away, nobody is kept waiting.
    pub(super) async fn open(self: &Arc<Self>) -> Shared {
        if !self.is_idle() {
            return self.current();
        }
        let _looking = self.looking.lock().await;
        if self.is_idle() && !self.runs.load(Ordering::Acquire) {
            let mut replaced = self.replaced();
            let Shared { number, mut connection } = self.current();
            if self.node.client().is_none() {
                self.recover(None, number);
                let patience = self.settings.connection_timeout().unwrap_or(RENEWAL_PATIENCE);
                let _ = tokio::time::timeout(patience, replaced.changed()).await;
                return self.current();
            }
            let mut ping = redis::Cmd::new();
            ping.arg("PING");
            let looked = tokio::time::timeout(LOOK_PATIENCE, ping.query_async(&mut connection)).await;
            let closed = |error: &RedisError| Trouble::of(error).is_some_and(Trouble::is_of_connection);
            match looked {
                Ok(Err(error)) if closed(&error) => {
                    self.failed(&error, number);
                    let _ = tokio::time::timeout(RENEWAL_PATIENCE, replaced.changed()).await;
                }
                // It answers, or is slow: what is sent next shows more.
                Ok(Ok(()) | Err(_)) | Err(_) => self.note_open(),
            }
        }
        self.current()
    }

    fn is_idle(&self) -> bool {
        match self.open_ms.load(Ordering::Relaxed) {
            0 => true,
            open => self.began.elapsed() >= Duration::from_millis(open) + IDLE_AFTER,
        }
    }

    /// Notes that the connection in use is open.
    pub(super) fn note_open(self: &Arc<Self>) {
        if !self.was_connected.swap(true, Ordering::Relaxed) {
            tracing::info!(redis.address = self.node.address(), "Connected to Redis");
            self.watch();
        }
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.open_ms.store(since.max(1), Ordering::Relaxed);
    }

    /// What connects to the server in use.
    ///
    /// # Errors
    ///
    /// When the Sentinels have not named the primary yet.
    pub(super) async fn client(self: &Arc<Self>) -> RedisResult<Client> {
        if self.node.client().is_none() {
            self.open().await;
        }
        self.node.client().ok_or_else(|| (ErrorKind::Io, "no Sentinel has named the primary yet").into())
    }

    /// Tells when the connection was replaced.
    pub(super) fn replaced(&self) -> watch::Receiver<Shared> {
        self.current.subscribe()
    }

    /// Asks on the connection in use whether writes are taken.
    pub(super) async fn probe(self: &Arc<Self>) -> RedisResult<()> {
        let Shared { number, mut connection } = self.open().await;
        let answer = probe(&mut connection, &self.probe_key).await;
        match &answer {
            Ok(()) => self.note_open(),
            Err(error) => self.failed(error, number),
        }
        answer
    }

    /// Sees to it that the connection with this number is replaced, if `error` says that it should be and nobody does so already. It
    /// ends when Redis is well, or when nobody uses the connection any more.
    pub(super) fn failed(self: &Arc<Self>, error: &RedisError, number: u64) {
        let Some(trouble) = Trouble::of(error) else { return };
        if !trouble.is_of_connection() {
            return self.tell_seldom(trouble, error);
        }
        self.recover(Some((trouble, error)), number);
    }

    /// The same for what no error of the connection says. Without a trouble there was no connection before.
    fn recover(self: &Arc<Self>, trouble: Option<(Trouble, &RedisError)>, number: u64) {
        if number != self.current.borrow().number || self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some((trouble, error)) = trouble {
            tell(trouble, error);
        }
        let recovery = Arc::downgrade(self);
        let mut told = trouble.map(|(trouble, _)| trouble);
        #[expect(clippy::disallowed_methods, reason = "ends by itself; a stop need not wait for a connection attempt")]
        tokio::spawn(async move {
            let (began, mut pause) = (Instant::now(), PAUSE_FIRST);
            // The server that it was, if nothing is wrong with it, is not kept waiting for; nor is the first one.
            let mut at_once = matches!(told, None | Some(Trouble::Replaced));
            loop {
                if !std::mem::take(&mut at_once) {
                    let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.0));
                    tokio::time::sleep(jittered).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                let Some(recovery) = recovery.upgrade() else { return };
                match recovery.replace().await {
                    Ok(()) => {
                        recovery.runs.store(false, Ordering::Release);
                        if told.is_some() {
                            let away_ms = began.elapsed().as_millis();
                            tracing::info!(away_ms, redis.address = recovery.node.address(), "Redis is back");
                        }
                        return;
                    }
                    // With the same pauses: nodes that name each other must not be asked without end.
                    Err(error) if recovery.node.follow(&error) => {}
                    Err(error) => {
                        let trouble = Trouble::of(&error).unwrap_or(Trouble::Unwell);
                        if !is_in_migration(&error) {
                            recovery.node.ask_another();
                        }
                        if told != Some(trouble) {
                            tell(trouble, &error);
                            told = Some(trouble);
                        }
                    }
                }
            }
        });
    }

    /// Puts a new connection in the place of the old one, if it takes writes. Commands that wait for an answer on the old one go on
    /// waiting there.
    async fn replace(self: &Arc<Self>) -> RedisResult<()> {
        self.node.locate().await?;
        let client = self.node.client().ok_or((ErrorKind::Io, "no Sentinel has named the primary yet"))?;
        let mut connection = ConnectionManager::new_lazy_with_config(client, self.settings.clone())?;
        probe(&mut connection, &self.probe_key).await?;
        self.current.send_modify(|shared| *shared = Shared { number: shared.number + 1, connection });
        self.note_open();
        Ok(())
    }

    fn tell_seldom(&self, trouble: Trouble, error: &RedisError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            *told = Some(Instant::now());
            tell(trouble, error);
        }
    }
}

/// Whether this node still has our slot and is passing it on: no other one would serve it.
fn is_in_migration(error: &RedisError) -> bool {
    codes(error).iter().any(|code| code == "ASK" || code == "TRYAGAIN")
}

/// Redis' errors name neither the password nor what was sent.
fn tell(trouble: Trouble, error: &RedisError) {
    if trouble.needs_a_person() {
        tracing::error!(redis.error = %error, "{}", trouble.line());
    } else {
        tracing::warn!(redis.error = %error, "{}", trouble.line());
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
