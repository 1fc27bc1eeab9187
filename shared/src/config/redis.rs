//! Where Redis is.

use std::{net::Ipv4Addr, path::PathBuf};

use clap::{ArgAction, Args, builder::BoolishValueParser};
use url::{Host, Url};

use super::{RedisAddress, Secret};

/// Redis or Valkey, 6.2 or newer: the only shared state.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisConfig {
    /// `redis://` or, with TLS, `rediss://`; user and password may stand in it, percent-encoded: `rediss://user:pass%2Fword@host:6380`.
    /// Sentinels: `redis-sentinel://[user:password@]host:26379,host:26379/<name>[/db]` or, with TLS, `rediss-sentinel://`
    #[arg(long, env = "REDIS_URL", default_value = "redis://127.0.0.1:6379", hide_env_values = true)]
    pub redis_url: RedisAddress,

    /// Password of the Sentinels themselves (their `requirepass`); user and password in `REDIS_URL` are those of the servers
    #[arg(long, env = "REDIS_SENTINEL_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub redis_sentinel_password: Option<Secret>,

    /// PEM file with the certificates of the authority that signed Redis' own (and its Sentinels'); without it those that the system
    /// trusts count
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,

    /// Namespace of every key: two systems with different prefixes can share one Redis
    #[arg(long, env = "QUEUE_PREFIX", default_value = "unilingo", value_parser = prefix)]
    pub queue_prefix: String,
}

impl RedisConfig {
    /// A Redis at this address, with defaults for everything else.
    #[must_use]
    pub fn new(redis_url: RedisAddress, queue_prefix: impl Into<String>) -> Self {
        Self { redis_url, redis_sentinel_password: None, redis_ca_file: None, queue_prefix: queue_prefix.into() }
    }

    /// Whether Redis shares the processors of this process, as far as its address tells.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        self.redis_url.urls().iter().all(is_on_this_machine)
    }
}

fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // The schemes of Redis are none that `url` knows: it leaves their hosts as they were written.
        Some(Host::Domain(name)) => name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => true,
    }
}

/// How sure a process wants to be that Redis keeps its jobs.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Redis")]
pub struct DurabilityConfig {
    /// Refuse to start on a Redis that may lose jobs (`maxmemory-policy` other than `noeviction`, neither AOF nor snapshots) or that can't
    /// be asked within 5 s; without it such a Redis is a warning
    #[arg(long, env = "REDIS_STRICT", action = ArgAction::SetTrue, default_value = "false", value_parser = BoolishValueParser::new())]
    pub strict: bool,
}

fn prefix(text: &str) -> Result<String, String> {
    let ok =
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if ok { Ok(text.to_owned()) } else { Err("1 to 64 letters, digits, `-`, `_` or `.` are expected".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Settings {
        #[command(flatten)]
        durability: DurabilityConfig,
    }

    #[test]
    fn strict_is_a_flag() {
        assert!(!Settings::parse_from(["test"]).durability.strict);
        assert!(Settings::parse_from(["test", "--strict"]).durability.strict);
    }

    #[test]
    fn a_redis_on_this_machine_is_known_by_its_address() {
        let is = |url: &str| RedisConfig::new(url.parse().unwrap(), "test").is_on_this_machine();
        for url in [
            "redis://127.0.0.1:6379",
            "redis://:pw@localhost/1",
            "rediss://[::1]:6380",
            "unix:///run/redis.sock",
            "redis-sentinel://127.0.0.1:26379,localhost/uni",
        ] {
            assert!(is(url), "{url}");
        }
        for url in [
            "redis://redis:6379",
            "redis://10.0.0.7",
            "rediss://:pw@[fd12::1]:6379",
            "redis://localhost.example",
            "redis-sentinel://127.0.0.1,10.0.0.7/uni",
        ] {
            assert!(!is(url), "{url}");
        }
    }
}
