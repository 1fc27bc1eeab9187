//! Connections that survive whatever Redis goes through.

use std::{path::Path, sync::Arc, time::Duration};

use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    RedisResult, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection, PubSub},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
    make_extension_error,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    Keys,
    clock::RedisClock,
    node::Node,
    recovery::{Recovery, Shared},
    script::ScriptCall,
    sentinel::Sentinels,
    timings::{Sent, Timings},
    trouble::{Trouble, codes},
};
use crate::{
    config::{ConfigError, RedisAddress, RedisConfig, SentinelAddress},
    telemetry::Page,
};
use tokio::time::Instant;
use url::Url;

/// An answer that takes longer than this counts as none, all steps that lead to it included: a connection made anew, a script
/// sent in full.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Connecting takes at most this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A silent connection is probed after this long, and then at this interval.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// Redis did not answer in time, or answered with an error. What was asked may or may not have been done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Redis is not available{}", script.map(|script| format!(" (script {script})")).unwrap_or_default())]
pub struct UnavailableError {
    #[source]
    pub(super) source: RedisError,
    /// The script that had no answer, if it was one.
    script: Option<&'static str>,
}

impl From<RedisError> for UnavailableError {
    fn from(source: RedisError) -> Self {
        Self { source, script: None }
    }
}

impl UnavailableError {
    /// What was asked had no answer of its own.
    pub(crate) fn unanswered() -> Self {
        RedisError::from((ErrorKind::Io, "there was no answer")).into()
    }

    /// What a script has caught and told: it begins with the code, or with where it happened (before Redis 7).
    pub(crate) fn of_script(message: &str) -> Self {
        let message = message.rsplit_once(": -").map_or(message, |(_, error)| error);
        let (code, detail) = message.split_once(' ').unwrap_or((message, ""));
        make_extension_error(code.to_owned(), Some(detail.to_owned())).into()
    }

    /// Whether Redis has no memory left for what was asked.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        Trouble::of(&self.source) == Some(Trouble::Full)
    }

    /// Whether the connection or the server was the cause, and not the command: it is worth while to ask again.
    pub(super) fn is_of_connection(&self) -> bool {
        Trouble::of(&self.source).is_some_and(Trouble::is_of_connection)
    }

    /// Whether a key holds something else than was expected: the data is damaged, and Redis is well.
    #[must_use]
    pub fn is_wrong_type(&self) -> bool {
        codes(&self.source).iter().any(|code| code == "WRONGTYPE")
    }
}

/// One multiplexed connection, shared by all of a process, which reconnects by itself. Cheap to clone.
#[derive(Clone)]
pub struct RedisPool {
    recovery: Arc<Recovery>,
    response_timeout: Duration,
    timings: Arc<Timings>,
    clock: Arc<RedisClock>,
}

/// A client that trusts the authorities in `file` and no others.
fn trusting(address: ConnectionInfo, file: &Path) -> Result<Client, ConfigError> {
    let wrong = |what: String| ConfigError::new(format!("REDIS_CA_FILE ({}): {what}", file.display()));
    if !matches!(address.addr(), ConnectionAddr::TcpTls { .. }) {
        return Err(wrong(
            "REDIS_URL does not begin with rediss:// or rediss-sentinel://, so no certificate is looked at".to_owned(),
        ));
    }
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    // Without this, a file of something else would be a trust in nobody.
    if !CertificateDer::pem_slice_iter(&pem).any(|certificate| certificate.is_ok()) {
        return Err(wrong("it holds no certificate in PEM form".to_owned()));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
    Client::build_with_tls(address, certificates).map_err(|error| wrong(error.to_string()))
}

impl std::fmt::Debug for RedisPool {
    /// Without the address: a password may stand in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisPool").finish_non_exhaustive()
    }
}

impl RedisPool {
    /// Prepares the connection, which is made at first use: a process starts, and says that it is degraded, while Redis is
    /// away. Call it on a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address can't be read.
    pub fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        Self::with_response_timeout(config, RESPONSE_TIMEOUT)
    }

    /// The same with another bound on the time that an answer may take: for callers who would rather wait than be told.
    ///
    /// # Errors
    ///
    /// When the address can't be read.
    pub fn with_response_timeout(config: &RedisConfig, response_timeout: Duration) -> Result<Self, ConfigError> {
        crate::tls::install();
        let unreadable = |error: RedisError| ConfigError::new(format!("REDIS_URL: {error}"));
        // A peer that has gone without a word is noticed on connections that only listen, too.
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        let client = |url: &Url| {
            let address = url.as_str().into_connection_info().map_err(unreadable)?.set_tcp_settings(tcp.clone());
            match &config.redis_ca_file {
                Some(file) => trusting(address, file),
                None => Client::open(address).map_err(unreadable),
            }
        };
        let (server, sentinels, placeholder) = match &config.redis_url {
            RedisAddress::Server(url) => {
                let server = client(url)?;
                (server.clone(), None, server)
            }
            RedisAddress::Sentinel(SentinelAddress { sentinels, service, server }) => {
                let addresses: Result<_, ConfigError> =
                    sentinels.iter().map(|url| Ok(client(url)?.get_connection_info().addr().clone())).collect();
                let password = config.redis_sentinel_password.clone();
                let sentinels = Sentinels::new(addresses?, service.clone(), password, tcp.clone());
                // A port that nobody listens on: nothing must be sent to a Sentinel that was meant for the primary.
                let nowhere = Client::open(("127.0.0.1", 0)).map_err(unreadable)?;
                (client(server)?, Some(sentinels), nowhere)
            }
        };
        // Whoever would rather wait than be told waits for a connection as well.
        let connect_timeout = if response_timeout > RESPONSE_TIMEOUT { response_timeout } else { CONNECT_TIMEOUT };
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(response_timeout))
            // A caller is told at once that Redis is away; `Recovery` goes on trying.
            .set_number_of_retries(0);
        let probe_key = Keys::new(&config.queue_prefix).probe();
        let node = Node::new(server, sentinels);
        let recovery = Recovery::new(node, placeholder, settings, probe_key).map_err(unreadable)?;
        Ok(Self { recovery, response_timeout, timings: Arc::new(Timings::new()), clock: Arc::new(RedisClock::new()) })
    }

    /// What this process expects Redis' clock to say.
    pub(crate) fn clock(&self) -> &RedisClock {
        &self.clock
    }

    /// The shared connection as it is now: whoever keeps it does not see its replacement.
    #[must_use]
    pub fn connection(&self) -> ConnectionManager {
        self.recovery.current().connection
    }

    /// Which shared connection is in use: another number is another connection, and maybe another server.
    pub(crate) fn connection_number(&self) -> u64 {
        self.recovery.current().number
    }

    /// Resolves at the next time that the shared connection is replaced by a new one, since Redis was away or another
    /// server took its place. Connections of one's own are then better made anew as well: the old server may live on and stay silent.
    pub fn replacement(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut shared = self.recovery.replaced();
        async move {
            if shared.changed().await.is_err() {
                // Nobody uses the connection any more, and nobody will replace it.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A connection of one's own, whose commands may block for as long as they like.
    ///
    /// # Errors
    ///
    /// When Redis can't be reached.
    pub async fn blocking_connection(&self) -> RedisResult<MultiplexedConnection> {
        let settings = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        self.recovery.client().await?.get_multiplexed_async_connection_with_config(&settings).await
    }

    /// A connection of one's own for subscriptions.
    ///
    /// # Errors
    ///
    /// When Redis can't be reached.
    pub async fn subscriber(&self) -> RedisResult<PubSub> {
        let client = self.recovery.client().await?;
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, client.get_async_pubsub()).await;
        connecting.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "connecting took too long"))))
    }

    /// Runs a pipeline on the shared connection.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or one of the commands fails.
    pub async fn query<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, UnavailableError> {
        let begun = Instant::now();
        let Shared { number, mut connection } = self.recovery.open().await;
        let answer = self.in_time((Sent::Commands, begun), pipeline.query_async(&mut connection)).await;
        answer.map_err(|error| self.failed(error, number))
    }

    /// Runs a script on the shared connection: by hash, and by text where the server does not know it yet.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or the script fails.
    pub async fn run<T: FromRedisValue>(&self, call: &ScriptCall<'_>) -> Result<T, UnavailableError> {
        let begun = Instant::now();
        let Shared { number, mut connection } = self.recovery.open().await;
        let answer = self.in_time((Sent::Script(call.name), begun), call.send(&mut connection)).await;
        answer.map_err(|error| {
            self.timings.script_failed(call.name);
            UnavailableError { script: Some(call.name), ..self.failed(error, number) }
        })
    }

    /// The same for a question that the user may not be allowed to ask: then the answer is no, and nothing is told.
    pub(super) async fn query_if_allowed<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, UnavailableError> {
        let begun = Instant::now();
        let Shared { number, mut connection } = self.recovery.open().await;
        self.in_time((Sent::Commands, begun), pipeline.query_async(&mut connection)).await.map_err(|error| {
            if Trouble::of(&error) == Some(Trouble::Forbidden) { error.into() } else { self.failed(error, number) }
        })
    }

    /// The client bounds each step of an exchange, and this the whole of it, from when it began.
    async fn in_time<T>(
        &self,
        (sent, begun): (Sent, Instant),
        exchange: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        match tokio::time::timeout_at(begun + self.response_timeout, exchange).await {
            Ok(answer) => {
                self.timings.answered(sent, begun.elapsed());
                if answer.is_ok() {
                    self.recovery.note_open();
                }
                answer
            }
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// Shows how long Redis takes to answer this process.
    pub fn show(&self, page: &mut Page) {
        self.timings.show(page);
    }

    fn failed(&self, error: RedisError, number: u64) -> UnavailableError {
        self.timings.failed();
        self.recovery.failed(&error, number);
        error.into()
    }

    /// Whether Redis answers and takes writes.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn ping(&self) -> Result<(), UnavailableError> {
        Ok(self.recovery.probe().await?)
    }
}
