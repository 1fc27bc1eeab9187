//! The server that is connected to: that of `REDIS_URL` or, in a Redis Cluster, the node that serves our slot.
//!
//! All keys of a deployment share one hash tag, so they are in one slot, and one node is enough: what a client for clusters
//! does beside that is not needed. Whoever does not serve the slot says `MOVED` and names who does:
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#moved-redirection>

use std::sync::{PoisonError, RwLock};

use redis::{Client, ConnectionAddr, ErrorKind, RedisError, ServerErrorKind};

/// Which server is connected to.
pub(super) struct Node {
    configured: Client,
    /// Who serves our slot, where the configured server has named another one.
    named: RwLock<Option<Client>>,
}

impl Node {
    pub(super) fn new(configured: Client) -> Self {
        Self { configured, named: RwLock::default() }
    }

    /// What connects to it.
    pub(super) fn client(&self) -> Client {
        self.named().unwrap_or_else(|| self.configured.clone())
    }

    /// Its address, without user and password.
    pub(super) fn address(&self) -> String {
        self.client().get_connection_info().addr().to_string()
    }

    /// Turns to the node that a `MOVED` names. Whether it did.
    pub(super) fn follow(&self, error: &RedisError) -> bool {
        if !matches!(error.kind(), ErrorKind::Server(ServerErrorKind::Moved)) {
            return false;
        }
        let Some(client) = error.redirect_node().and_then(|(address, _)| self.at(address)) else { return false };
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = Some(client);
        true
    }

    /// Turns back to the configured server: a node that is gone can't name who serves now.
    pub(super) fn ask_again(&self) {
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn named(&self) -> Option<Client> {
        self.named.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same client for another address. An empty host is that of the server that said so, `?` one that it does not know.
    fn at(&self, address: &str) -> Option<Client> {
        let (host, port) = address.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let info = self.client().get_connection_info().clone();
        let host = match host.trim_start_matches('[').trim_end_matches(']') {
            "?" => return None,
            "" => match info.addr() {
                ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
                _ => return None,
            },
            host => host.to_owned(),
        };
        let moved = match info.addr().clone() {
            ConnectionAddr::Tcp(..) => ConnectionAddr::Tcp(host, port),
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => return None,
        };
        Client::open(info.set_addr(moved)).ok()
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn node(url: &str) -> Node {
        crate::tls::install();
        Node::new(Client::open(url).unwrap())
    }

    fn moved(to: &str) -> RedisError {
        let said = format!("-MOVED 3999 {to}\r\n");
        match redis::parse_redis_value(said.as_bytes()).and_then(Value::extract_error) {
            Err(error) => error,
            Ok(value) => panic!("{value:?}"),
        }
    }

    #[test]
    fn a_node_that_is_named_is_connected_to_as_the_configured_one() {
        for (url, named, address) in [
            ("redis://u:p@10.0.0.1:6379", "10.0.0.2:6380", "10.0.0.2:6380"),
            ("redis://10.0.0.1:6379", "node-2.cache.example:6379", "node-2.cache.example:6379"),
            ("redis://10.0.0.1:6379", ":6381", "10.0.0.1:6381"),
            ("redis://10.0.0.1:6379", "2001:db8::1:6381", "2001:db8::1:6381"),
            ("rediss://a.example:6379", "b.example:6380", "b.example:6380"),
        ] {
            let node = node(url);
            assert!(node.follow(&moved(named)), "{named}");
            assert_eq!(node.address(), address, "{named}");
            let redis = node.client().get_connection_info().redis_settings().clone();
            assert_eq!(redis.username(), node.configured.get_connection_info().redis_settings().username());
            let is_tls = |client: &Client| matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
            assert_eq!(is_tls(&node.client()), url.starts_with("rediss:"));
            node.ask_again();
            assert_ne!(node.address(), address);
        }
    }

    #[test]
    fn what_names_nobody_is_not_followed() {
        let node = node("redis://10.0.0.1:6379");
        for named in ["?:6379", "10.0.0.2", "10.0.0.2:x", ""] {
            assert!(!node.follow(&moved(named)), "{named}");
        }
        assert!(!node.follow(&RedisError::from((ErrorKind::Io, "gone"))));
        assert_eq!(node.address(), "10.0.0.1:6379");
    }
}
