//! The address that a request comes from, as far as it can be believed.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{Extensions, HeaderMap, request::Parts},
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

    /// The address of the client that sent the request.
    pub(super) fn of(request: &Request, state: &AppState) -> Self {
        Self::known(request.headers(), request.extensions(), state)
    }

    fn known(headers: &HeaderMap, extensions: &Extensions, state: &AppState) -> Self {
        // Only a request that came through no socket, as in tests, has none.
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        Self::resolve(headers, peer, state.config.believed_proxies())
    }

    /// The key that limits count this address by. An IPv6 address counts by its /64: one host can use every address in it. An
    /// IPv6 address that embeds an IPv4 address counts by that. Access lists compare the address itself.
    pub(crate) fn limit_key(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => {
                if let Some(ip) = embedded_ipv4(ip) {
                    return ip.to_string();
                }
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

/// An entry. Some proxies add the port, put IPv6 in brackets, quote it as `Forwarded` does (RFC 7239, section 6), or name
/// the zone of a link-local address (RFC 4007, section 11).
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?.trim();
    let entry = entry.strip_prefix('"').and_then(|entry| entry.strip_suffix('"')).unwrap_or(entry);
    if let Some((inside, after)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        let port = after.strip_prefix(':').map(str::parse::<u16>);
        let is_whole = after.is_empty() || matches!(port, Some(Ok(_)));
        return ipv6(inside).filter(|_| is_whole);
    }
    let ipv4_with_port = || entry.parse::<SocketAddrV4>().ok().map(|address| IpAddr::V4(*address.ip()));
    entry.parse::<Ipv4Addr>().ok().map(IpAddr::V4).or_else(|| ipv6(entry)).or_else(ipv4_with_port)
}

/// An IPv6 address with or without its zone, which means nothing on another machine.
fn ipv6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The IPv4 address that an IPv6 one stands for: behind a translator (RFC 6052, `64:ff9b::/96`) or a tunnel (6to4, RFC 3056,
/// `2002::/16`). A network of 64 bits would hold all of IPv4 in the one case, and one user of IPv4 in the other.
fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    const TRANSLATED: [u8; 12] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    const TUNNELLED: [u8; 2] = [0x20, 0x02];
    let octets = ip.octets();
    let embedded = if octets.starts_with(&TRANSLATED) {
        octets.last_chunk::<4>()
    } else if octets.starts_with(&TUNNELLED) {
        octets[2..].first_chunk::<4>()
    } else {
        None
    };
    embedded.copied().map(Ipv4Addr::from_octets)
}

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::known(&parts.headers, &parts.extensions, state))
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
            (&[b"[2001:db8::1]"], 1, Some("2001:db8::1")),
            (&[b"\"[2001:db8::1]\""], 1, Some("2001:db8::1")),
            (&[b"\"[2001:db8::1]:4711\""], 1, Some("2001:db8::1")),
            (&[b"\"203.0.113.7\""], 1, Some("203.0.113.7")),
            (&[b"fe80::1%eth0"], 1, Some("fe80::1")),
            (&[b"[fe80::1%25eth0]:80"], 1, Some("fe80::1")),
            (&[b"[2001:db8::1]:x"], 1, None),
            (&[b"[2001:db8::1"], 1, None),
            (&[b"[203.0.113.7]"], 1, None),
            (&[b"203.0.113.7%eth0"], 1, None),
            (&[b"\"203.0.113.7"], 1, None),
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
            ("64:ff9b::203.0.113.7", "203.0.113.7"),
            ("64:ff9b::cb00:7108", "203.0.113.8"),
            ("2002:cb00:7107::1", "203.0.113.7"),
            ("2002:cb00:7107:1:2:3:4:5", "203.0.113.7"),
            ("64:ff9b:1::cb00:7107", "64:ff9b:1::/64"),
            ("fe80::1", "fe80::/64"),
        ] {
            let address = ClientAddress::resolve(&HeaderMap::new(), ip.parse().unwrap(), 0);
            assert_eq!(address.limit_key(), key, "{ip}");
        }
    }
}
