//! The server that is connected to: that of `REDIS_URL`, the primary that its Sentinels name or, in a Redis Cluster, the node
//! that serves our slot.
//!
//! All keys of a deployment share one hash tag, so they are in one slot, and one node is enough: what a client for clusters
//! does beside that is not needed. Whoever does not serve the slot says `MOVED` and names who does:
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#moved-redirection>. When that node is gone, any
//! other one that is known is asked: the one that took over may be named by all but the server of `REDIS_URL`.

use std::sync::{PoisonError, RwLock};

use redis::{Client, ConnectionAddr, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use super::sentinel::{Endpoint, Sentinels};

/// Which server is connected to.
pub(super) struct Node {
    /// That of `REDIS_URL`. With Sentinels, how a primary is connected to.
    configured: Client,
    sentinels: Option<Sentinels>,
    found: RwLock<Found>,
}

#[derive(Default)]
struct Found {
    /// The server in use, where it is another one than the configured one.
    server: Option<(Endpoint, Client)>,
    /// Nodes of the cluster that are asked in turn when the one in use is gone.
    nodes: Vec<Endpoint>,
    /// The place of the node that is asked next; behind the last one it is the configured server's turn.
    next: usize,
}

impl Node {
    pub(super) fn new(configured: Client, sentinels: Option<Sentinels>) -> Self {
        Self { configured, sentinels, found: RwLock::default() }
    }

    /// What connects to it. `None`: no Sentinel has named it yet.
    pub(super) fn client(&self) -> Option<Client> {
        match &self.read().server {
            Some((_, client)) => Some(client.clone()),
            None if self.sentinels.is_some() => None,
            None => Some(self.configured.clone()),
        }
    }

    /// Its address, without user and password.
    pub(super) fn address(&self) -> String {
        self.client().map_or_else(String::new, |client| client.get_connection_info().addr().to_string())
    }

    pub(super) const fn has_sentinels(&self) -> bool {
        self.sentinels.is_some()
    }

    /// Asks the Sentinels, if there are any, which server is the primary, and turns to it.
    pub(super) async fn locate(&self) -> RedisResult<()> {
        let Some(sentinels) = &self.sentinels else { return Ok(()) };
        let primary = sentinels.primary(self.in_use().as_ref()).await?;
        let client = self.at(&primary).ok_or((ErrorKind::Client, "Sentinel names an address that can't be used"))?;
        self.write().server = Some((primary, client));
        Ok(())
    }

    /// Whether Sentinels name another primary than the server in use.
    pub(super) async fn is_replaced(&self) -> bool {
        let Some(sentinels) = &self.sentinels else { return false };
        let in_use = self.in_use();
        matches!(sentinels.primary(in_use.as_ref()).await, Ok(primary) if Some(&primary) != in_use.as_ref())
    }

    /// Turns to the node that a `MOVED` names. Whether it did.
    pub(super) fn follow(&self, error: &RedisError) -> bool {
        if !matches!(error.kind(), ErrorKind::Server(ServerErrorKind::Moved)) {
            return false;
        }
        let Some(endpoint) = error.redirect_node().and_then(|(address, _)| self.endpoint(address)) else {
            return false;
        };
        let Some(client) = self.at(&endpoint) else { return false };
        self.write().server = Some((endpoint, client));
        true
    }

    /// Turns to another server that may name who serves now: a node that is gone can't. Sentinels are asked anyway.
    pub(super) fn ask_another(&self) {
        if self.sentinels.is_some() {
            return;
        }
        let mut found = self.write();
        let in_use = found.server.as_ref().map(|(endpoint, _)| endpoint.clone());
        let (count, next) = (found.nodes.len(), found.next);
        // `count` stands for the configured server.
        let place = (0..=count)
            .map(|step| (next + step) % (count + 1))
            .find(|place| found.nodes.get(*place).is_none_or(|node| Some(node) != in_use.as_ref()))
            .unwrap_or(count);
        found.next = (place + 1) % (count + 1);
        let node = found.nodes.get(place).cloned();
        found.server = node.and_then(|node| self.at(&node).map(|client| (node, client)));
    }

    /// Remembers the nodes in an answer to `CLUSTER SLOTS` of the server in use; how many they are.
    pub(super) fn learn(&self, slots: &Value) -> usize {
        let mut nodes: Vec<Endpoint> = Vec::new();
        let ranges = slots.as_sequence().into_iter().flatten().filter_map(Value::as_sequence);
        for node in ranges.flat_map(|range| range.iter().skip(2)) {
            let Some([host, port, ..]) = node.as_sequence() else { continue };
            let Ok(host) = redis::from_redis_value_ref::<Option<String>>(host) else { continue };
            let Ok(port) = redis::from_redis_value_ref::<u16>(port) else { continue };
            let Some(host) = self.host(&host.unwrap_or_default()) else { continue };
            let node = (host, port);
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        let count = nodes.len();
        if count > 0 {
            self.write().nodes = nodes;
        }
        count
    }

    fn in_use(&self) -> Option<Endpoint> {
        self.read().server.as_ref().map(|(endpoint, _)| endpoint.clone())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Found> {
        self.found.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Found> {
        self.found.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn endpoint(&self, address: &str) -> Option<Endpoint> {
        let (host, port) = address.rsplit_once(':')?;
        Some((self.host(host)?, port.parse().ok()?))
    }

    /// A host as nodes name it. An empty one is that of the server that said so, `?` one that it does not know.
    fn host(&self, named: &str) -> Option<String> {
        match named.trim_start_matches('[').trim_end_matches(']') {
            "?" => None,
            "" => match self.client()?.get_connection_info().addr() {
                ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host.clone()),
                _ => None,
            },
            host => Some(host.to_owned()),
        }
    }

    /// The same client for another address.
    fn at(&self, (host, port): &Endpoint) -> Option<Client> {
        let (host, port, info) = (host.clone(), *port, self.configured.get_connection_info().clone());
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
    use super::*;

    fn node(url: &str) -> Node {
        crate::tls::install();
        Node::new(Client::open(url).unwrap(), None)
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
            let redis = node.client().unwrap().get_connection_info().redis_settings().clone();
            assert_eq!(redis.username(), node.configured.get_connection_info().redis_settings().username());
            let is_tls = |client: &Client| matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
            assert_eq!(is_tls(&node.client().unwrap()), url.starts_with("rediss:"));
            node.ask_another();
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

    fn slots(lines: &str) -> Value {
        redis::parse_redis_value(lines.replace(' ', "\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn nodes_of_the_cluster_are_asked_in_turn() {
        let node = node("rediss://a.example:6379");
        // Two ranges: a primary by name with a replica, and one whose host is that of the server that says so.
        let answer =
            "*2 *4 :0 :8191 *3 $9 b.example :6380 $1 1 *3 $9 c.example :6381 $1 2 *3 :8192 :16383 *3 $-1 :6382 $1 3 ";
        assert_eq!(node.learn(&slots(answer)), 3);
        assert_eq!(node.address(), "a.example:6379", "what is learned moves nobody");
        let asked: Vec<_> = std::iter::repeat_with(|| {
            node.ask_another();
            node.address()
        })
        .take(5)
        .collect();
        let [b, c, same_host, configured] = ["b.example:6380", "c.example:6381", "a.example:6382", "a.example:6379"];
        assert_eq!(asked, [b, c, same_host, configured, b]);
        // An answer that names nobody takes nothing away.
        assert_eq!(node.learn(&slots("*0 ")), 0);
        assert!(node.follow(&moved("c.example:6381")));
        node.ask_another();
        assert_eq!(node.address(), same_host, "the one that is gone is not asked at once again");
    }
}
