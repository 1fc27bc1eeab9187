//! The address that a request comes from, as far as it can be believed.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};

use crate::state::AppState;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Headers that say for whom a proxy asks. Anyone can send them.
const FORWARDING: [&str; 3] = [FORWARDED_FOR, "forwarded", "x-real-ip"];

/// The client's address: who is connected or, behind `TRUSTED_PROXIES` proxies, whom the outermost of them saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress {
    /// An IPv4 address that came as an IPv6 one is an IPv4 address.
    pub(crate) ip: IpAddr,
    /// A trusted proxy named it; else it is that of the connection.
    pub(crate) by_proxy: bool,
}

impl ClientAddress {
    /// The n-th entry of `X-Forwarded-For` from the right, over all its lines, where n proxies are trusted: each appends whom
    /// it saw, and what stands before that the client may have made up.
    fn resolve(headers: &HeaderMap, peer: IpAddr, proxies: usize) -> Self {
        let named = proxies.checked_sub(1).and_then(|skipped| {
            let lines = headers.get_all(FORWARDED_FOR).iter();
            let entries: Vec<&[u8]> = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
            address(entries.iter().rev().nth(skipped)?)
        });
        Self { ip: named.unwrap_or(peer).to_canonical(), by_proxy: named.is_some() }
    }

    /// What limits of an address count by: IPv6 by /64, since whoever has one address there has all of them.
    pub(crate) fn limit_key(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

/// Whether the request says that someone else asks for its client.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(*name))
}

/// An entry; some proxies add the port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?.trim();
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        // Only a request that came through no socket, as in tests, has none.
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        Ok(Self::resolve(&parts.headers, peer, state.config.believed_proxies()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PEER: &str = "10.0.0.9";

    fn resolve(lines: &[&[u8]], proxies: usize) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let ClientAddress { ip, by_proxy } = ClientAddress::resolve(&headers, PEER.parse().unwrap(), proxies);
        (ip.to_string(), by_proxy)
    }

    #[test]
    fn what_a_client_makes_up_is_never_believed() {
        for (lines, proxies, expected) in [
            // Nobody is trusted: whatever is sent counts for nothing.
            (&[][..], 0, None),
            (&[&b"127.0.0.1"[..]], 0, None),
            (&[b"127.0.0.1, 203.0.113.7"], 0, None),
            // One proxy: it has appended the last entry.
            (&[b"203.0.113.7"], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1, 203.0.113.7"], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1", b"203.0.113.7"], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1,,  203.0.113.7  "], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1, 203.0.113.7:4711"], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1, [2001:db8::7]:4711"], 1, Some("2001:db8::7")),
            (&[b"::ffff:203.0.113.7"], 1, Some("203.0.113.7")),
            (&[b"127.0.0.1, unknown"], 1, None),
            (&[b"127.0.0.1,"], 1, None),
            (&[b"127.0.0.1", b""], 1, None),
            (&[b"\xff"], 1, None),
            (&[], 1, None),
            // Two of them: the inner one saw the outer one.
            (&[b"127.0.0.1, 203.0.113.7, 10.0.0.1"], 2, Some("203.0.113.7")),
            (&[b"127.0.0.1, 203.0.113.7", b"10.0.0.1"], 2, Some("203.0.113.7")),
            (&[b"203.0.113.7"], 2, None),
            (&[b"1.1.1.1"], 255, None),
        ] {
            let expected = expected.map_or((PEER.to_owned(), false), |address: &str| (address.to_owned(), true));
            assert_eq!(resolve(lines, proxies), expected, "{lines:?} behind {proxies}");
        }
    }

    #[test]
    fn limits_count_ipv4_by_address_and_ipv6_by_network() {
        for (ip, key) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ] {
            let address = ClientAddress::resolve(&HeaderMap::new(), ip.parse().unwrap(), 0);
            assert_eq!(address.limit_key(), key, "{ip}");
        }
    }
}
