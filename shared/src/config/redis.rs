//! Where Redis is.

use clap::Args;
use url::Url;

/// Redis or Valkey, 6.2 or newer: the only shared state.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisConfig {
    /// `redis://` or, with TLS, `rediss://`; user and password may stand in it
    #[arg(long, env = "REDIS_URL", default_value = "redis://127.0.0.1:6379", hide_env_values = true)]
    pub redis_url: Url,

    /// Namespace of every key: two systems with different prefixes can share one Redis
    #[arg(long, env = "QUEUE_PREFIX", default_value = "unilingo", value_parser = prefix)]
    pub queue_prefix: String,
}

fn prefix(text: &str) -> Result<String, String> {
    let ok =
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if ok { Ok(text.to_owned()) } else { Err("1 to 64 letters, digits, `-`, `_` or `.` are expected".to_owned()) }
}
