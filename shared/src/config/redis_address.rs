//! Where Redis is: one address, or the Sentinels that know which server is the primary.

use std::{fmt, str::FromStr};

use url::Url;

/// The port that Sentinels listen on by default.
const SENTINEL_PORT: u16 = 26_379;
/// Schemes of an address that names Sentinels, with those of the servers that they name.
const SENTINEL_SCHEMES: [(&str, &str); 2] = [("redis-sentinel://", "redis://"), ("rediss-sentinel://", "rediss://")];
const SENTINEL_FORM: &str = "redis-sentinel://[user:password@]host:26379,host:26379/<name>[/db] is expected";

/// Where Redis is. Its `Debug` form shows neither user nor password.
#[derive(Clone)]
pub enum RedisAddress {
    /// A server or the endpoint of a cluster: `redis://`, `rediss://` or `unix://`.
    Server(Url),
    /// Sentinels that name the primary.
    Sentinel(SentinelAddress),
}

/// The Sentinels of one primary: `redis-sentinel://` or, with TLS, `rediss-sentinel://`.
#[derive(Clone)]
pub struct SentinelAddress {
    /// The Sentinels, with a port each, without user and password.
    pub sentinels: Vec<Url>,
    /// The name that they know the primary by.
    pub service: String,
    /// How the primary is connected to: scheme, user, password and database. Its host is that of the first Sentinel.
    pub server: Url,
}

impl RedisAddress {
    /// The addresses that are connected to first.
    pub(super) fn urls(&self) -> &[Url] {
        match self {
            Self::Server(url) => std::slice::from_ref(url),
            Self::Sentinel(address) => &address.sentinels,
        }
    }
}

impl From<Url> for RedisAddress {
    fn from(url: Url) -> Self {
        Self::Server(url)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.urls().iter().map(|url| (url.host_str().unwrap_or_default(), url.port())).collect();
        f.debug_struct("RedisAddress").field("hosts", &hosts).finish_non_exhaustive()
    }
}

/// An address that can't be read; the text does not quote it, since a password may stand in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RedisAddressError(String);

impl FromStr for RedisAddress {
    type Err = RedisAddressError;

    fn from_str(text: &str) -> Result<Self, RedisAddressError> {
        for (scheme, of_server) in SENTINEL_SCHEMES {
            if let Some(rest) = text.strip_prefix(scheme) {
                return sentinel(rest, of_server).map(Self::Sentinel);
            }
        }
        Url::parse(text).map(Self::Server).map_err(|error| RedisAddressError(error.to_string()))
    }
}

fn sentinel(rest: &str, scheme: &str) -> Result<SentinelAddress, RedisAddressError> {
    let expected = |what: &str| RedisAddressError(format!("{what}: {SENTINEL_FORM}"));
    let (authority, path) = rest.split_once('/').ok_or_else(|| expected("the primary's name is missing"))?;
    let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
    let (service, database) = path.split_once('/').unwrap_or((path, "0"));
    let named = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !named {
        return Err(expected("the primary's name has letters, digits, `-`, `_` and `.`"));
    }
    if database.parse::<u32>().is_err() {
        return Err(expected("the database is a number"));
    }
    let sentinel = |host: &str| {
        let mut url = Url::parse(&format!("{scheme}{host}")).map_err(|error| expected(&error.to_string()))?;
        let is_host_alone =
            url.has_host() && url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
        if !is_host_alone {
            return Err(expected("a Sentinel is a host with its port"));
        }
        url.set_port(url.port().or(Some(SENTINEL_PORT))).map_err(|()| expected("a port can't be read"))?;
        Ok(url)
    };
    let sentinels: Vec<Url> = hosts.split(',').map(sentinel).collect::<Result<_, _>>()?;
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let first = hosts.split(',').next().unwrap_or_default();
    let server = Url::parse(&format!("{scheme}{user}{first}/{database}"))
        .ok()
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| expected("user or password can't be read, percent-encode them"))?;
    Ok(SentinelAddress { sentinels, service: service.to_owned(), server })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> SentinelAddress {
        match text.parse() {
            Ok(RedisAddress::Sentinel(address)) => address,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn sentinels_are_read_with_name_database_and_credentials() {
        let address = parsed("rediss-sentinel://uni:p%40ss%2Fw@s-1.example:26380,10.0.0.2,[fd12::3]:26381/primary-1/3");
        let sentinels: Vec<_> = address.sentinels.iter().map(Url::as_str).collect();
        assert_eq!(sentinels, ["rediss://s-1.example:26380", "rediss://10.0.0.2:26379", "rediss://[fd12::3]:26381"]);
        assert_eq!((address.service.as_str(), address.server.path()), ("primary-1", "/3"));
        assert_eq!((address.server.username(), address.server.password()), ("uni", Some("p%40ss%2Fw")));
        assert_eq!(address.server.scheme(), "rediss");
        let address = parsed("redis-sentinel://localhost/uni");
        assert_eq!(
            (address.sentinels[0].as_str(), address.server.as_str()),
            ("redis://localhost:26379", "redis://localhost/0")
        );
    }

    #[test]
    fn addresses_that_say_too_little_are_refused_without_their_password() {
        for text in [
            "redis-sentinel://u:secret@host:26379",
            "redis-sentinel://u:secret@host:26379/",
            "redis-sentinel://u:secret@host:x/uni",
            "redis-sentinel://u:secret@host,,other/uni",
            "redis-sentinel://u:secret@/uni",
            "redis-sentinel://u#secret@host/uni",
            "redis-sentinel://u:secret@host/uni/zero",
            "redis-sentinel://u:secret@host/uni?protocol=resp3",
        ] {
            let error = text.parse::<RedisAddress>().unwrap_err().to_string();
            assert!(error.contains(SENTINEL_FORM) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_debug_form_shows_no_password() {
        for text in ["redis://u:secret@host:1", "redis-sentinel://u:secret@host/uni"] {
            let shown = format!("{:?}", text.parse::<RedisAddress>().unwrap());
            assert!(shown.contains("host") && !shown.contains("secret"), "{shown}");
        }
    }
}
