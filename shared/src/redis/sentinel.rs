//! Sentinels: which server is the primary now.
//!
//! <https://redis.io/docs/latest/develop/reference/sentinel-clients/>. The client of redis-rs makes and verifies the connections. The
//! question is our own: redis-rs takes the first Sentinel that answers, also one that was cut off and names an old
//! primary, and reads `SENTINEL MASTERS`, which names the old one until every replica follows the new one.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ErrorKind, RedisError, RedisResult, ServerErrorKind,
    aio::MultiplexedConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};

use crate::config::Secret;

/// How long one Sentinel may take, connecting included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// After the first answer the others may take this much longer: one of them may know of a later failover.
const LATER_ANSWERS: Duration = Duration::from_millis(200);

/// Host and port of a server, as Sentinels name it.
pub(super) type Endpoint = (String, u16);

/// The Sentinels of one primary.
pub(super) struct Sentinels {
    service: String,
    password: Option<Secret>,
    tcp: TcpSettings,
    members: Vec<(ConnectionAddr, Mutex<Option<MultiplexedConnection>>)>,
}

/// The answer of one Sentinel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    primary: Endpoint,
    /// Raised by every failover.
    epoch: u64,
}

impl Sentinels {
    pub(super) fn new(
        addresses: Vec<ConnectionAddr>,
        service: String,
        password: Option<Secret>,
        tcp: TcpSettings,
    ) -> Self {
        let members = addresses.into_iter().map(|address| (address, Mutex::default())).collect();
        Self { service, password, tcp, members }
    }

    /// The primary: what the Sentinels say that know of the latest failover. Where they spell its address differently, the one
    /// that is `connected` to stays.
    ///
    /// # Errors
    ///
    /// When no Sentinel answers, or none of those that do knows the name.
    pub(super) async fn primary(&self, connected: Option<&Endpoint>) -> RedisResult<Endpoint> {
        let mut asking: FuturesUnordered<_> = self.members.iter().map(|member| self.ask(member)).collect();
        let (mut answers, mut worst) = (Vec::new(), None);
        let mut until = Instant::now() + ANSWER_TIMEOUT;
        while let Ok(Some(answer)) = timeout_at(until, asking.next()).await {
            match answer {
                Ok(named) => {
                    if answers.is_empty() {
                        until = until.min(Instant::now() + LATER_ANSWERS);
                    }
                    answers.push(named);
                }
                Err(error) if worst.as_ref().is_none_or(is_away) => worst = Some(error),
                Err(_) => {}
            }
        }
        latest(answers, connected)
            .ok_or_else(|| worst.unwrap_or_else(|| RedisError::from((ErrorKind::Io, "no Sentinel answers in time"))))
    }

    async fn ask(
        &self,
        (address, connection): &(ConnectionAddr, Mutex<Option<MultiplexedConnection>>),
    ) -> RedisResult<Named> {
        let mut connection = connection.lock().await;
        // Taken out, so that one whose answer was not waited for is not used again.
        let kept = connection.take();
        let asking = async {
            let mut open = match kept {
                Some(open) => open,
                None => self.connect(address).await?,
            };
            let named = self.question(&mut open).await?;
            Ok((open, named))
        };
        let answer = timeout(ANSWER_TIMEOUT, asking).await;
        let answer = answer.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "a Sentinel does not answer"))));
        let (open, named) = answer.map_err(|error| explained(&error, address))?;
        *connection = Some(open);
        Ok(named)
    }

    async fn connect(&self, address: &ConnectionAddr) -> RedisResult<MultiplexedConnection> {
        let builder = SentinelClientBuilder::new([address.clone()], &self.service, SentinelServerType::Master)?;
        let builder = builder.set_client_to_sentinel_tcp_settings(self.tcp.clone());
        let builder = match &self.password {
            Some(password) => builder.set_client_to_sentinel_password(password.expose()),
            None => builder,
        };
        let client = builder.build()?.async_get_sentinel_client().await?;
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        client.get_multiplexed_async_connection_with_config(&settings).await
    }

    async fn question(&self, connection: &mut MultiplexedConnection) -> RedisResult<Named> {
        let mut ask = redis::pipe();
        ask.cmd("SENTINEL").arg("MASTER").arg(&self.service);
        ask.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let (state, primary): (HashMap<String, String>, Option<Endpoint>) = ask.query_async(connection).await?;
        let epoch = state.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        let primary = primary.ok_or((ErrorKind::MasterNameNotFoundBySentinel, "a Sentinel knows no primary"))?;
        Ok(Named { primary, epoch })
    }
}

/// Of the answers with the highest epoch, the one that is `connected` to, or else the first.
fn latest(answers: Vec<Named>, connected: Option<&Endpoint>) -> Option<Endpoint> {
    let epoch = answers.iter().map(|named| named.epoch).max()?;
    let mut latest: Vec<_> = answers.into_iter().filter(|named| named.epoch == epoch).collect();
    let place = latest.iter().position(|named| Some(&named.primary) == connected).unwrap_or(0);
    Some(latest.swap_remove(place).primary)
}

/// Whether time alone may help.
fn is_away(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout()
}

/// An error that names the Sentinel and the setting to look at.
fn explained(error: &RedisError, address: &ConnectionAddr) -> RedisError {
    let detail = format!("{address}: {error}");
    match error.kind() {
        ErrorKind::AuthenticationFailed => refused(detail),
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => refused(detail),
        ErrorKind::Server(ServerErrorKind::ResponseError) | ErrorKind::MasterNameNotFoundBySentinel => {
            (ErrorKind::Client, "a Sentinel does not know the name in REDIS_URL", detail).into()
        }
        ErrorKind::InvalidClientConfig => {
            (ErrorKind::Client, "no Sentinel is at an address in REDIS_URL", detail).into()
        }
        _ => (ErrorKind::Io, "a Sentinel does not answer", detail).into(),
    }
}

fn refused(detail: String) -> RedisError {
    (ErrorKind::AuthenticationFailed, "a Sentinel refuses REDIS_SENTINEL_PASSWORD", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(host: &str, epoch: u64) -> Named {
        Named { primary: (host.to_owned(), 6_379), epoch }
    }

    #[test]
    fn the_latest_failover_counts() {
        let of = |answers: &[Named], connected: Option<&str>| {
            let connected = connected.map(|host| (host.to_owned(), 6_379));
            latest(answers.to_vec(), connected.as_ref()).map(|(host, _)| host)
        };
        assert_eq!(of(&[], Some("a")), None);
        // A Sentinel that was cut off with the old primary answers first.
        assert_eq!(of(&[named("old", 1), named("new", 2), named("old", 1)], Some("old")).as_deref(), Some("new"));
        // One server under two names: that is no reason to leave it.
        assert_eq!(of(&[named("10.0.0.1", 2), named("redis-1", 2)], Some("redis-1")).as_deref(), Some("redis-1"));
        assert_eq!(of(&[named("a", 0)], None).as_deref(), Some("a"));
    }
}
