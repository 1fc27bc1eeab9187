//! The HTTP API.

use std::time::Duration;

use clap::Args;

use super::{ConfigError, IdentityConfig, Networks, RequestLimitsConfig, Secret};

/// Room around the lesson text in a request body: the other fields, names and punctuation.
const BODY_OVERHEAD: usize = 64 * 1024;
/// The longest UTF-8 sequence of one character.
const BYTES_PER_CHAR: usize = 4;

/// The HTTP API.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct ApiConfig {
    /// Port that the API listens on, IPv4 and IPv6; 0 lets the system choose
    #[arg(long, env = "PORT", default_value_t = 3001)]
    pub port: u16,

    /// Who a request is from.
    #[command(flatten)]
    pub identity: IdentityConfig,

    /// How often one may ask.
    #[command(flatten)]
    pub request_limits: RequestLimitsConfig,

    /// Longest lesson text, in characters
    #[arg(long, env = "CONTENT_MAX_CHARS", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub content_max_chars: u32,

    /// Largest recording, in bytes
    #[arg(long, env = "AUDIO_MAX_BYTES", default_value_t = 5 * 1024 * 1024, value_parser = clap::value_parser!(u32).range(1..=16 * 1024 * 1024))]
    pub audio_max_bytes: u32,

    /// How long the legacy flashcards path waits for the cards before it answers 202, in seconds and 55 s at most. The
    /// shipped app reads the cards from that answer: 55 suits it
    #[arg(long, env = "LEGACY_WAIT_SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub legacy_wait_seconds: u64,

    /// Requests that one replica has in hand at once, held ones included; beyond it 503. 0 is no limit
    #[arg(long, env = "API_MAX_CONCURRENT", default_value_t = 5_000)]
    pub api_max_concurrent: u32,

    /// Requests that wait, event streams and bodies on their way that one user may have at one replica, where a token or a key
    /// proves the user; beyond it 429. 0 is no limit
    #[arg(long, env = "API_MAX_HELD_PER_USER", default_value_t = 20)]
    pub api_max_held_per_user: u32,

    /// The same for a server's key that names no user, and for all callers from one address without a valid token or key. Without
    /// it a quarter of `API_MAX_CONCURRENT`. 0 is no limit
    #[arg(long, env = "API_MAX_HELD_PER_ADDRESS")]
    pub api_max_held_per_address: Option<u32>,

    /// Threads that answer requests. Without it one for each processor, but for one where Redis is on this machine: its one thread is
    /// what everything waits for
    #[arg(long, env = "API_THREADS", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub api_threads: Option<u16>,

    /// How long a connection may take to send the next request's head, idle time included, in seconds. Longer than what load
    /// balancers keep idle connections for (60 as a rule): else they send requests into a connection that is being closed
    #[arg(long, env = "API_IDLE_SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub api_idle_seconds: u64,

    /// Origins of web pages that may call this API from a browser, separated by commas, such as `https://app.example.com`
    #[arg(long, env = "CORS_ALLOWED_ORIGINS", value_delimiter = ',')]
    pub cors_allowed_origins: Vec<String>,

    /// Names this replica in `x-replica-id`
    #[arg(long, env = "RAILWAY_REPLICA_ID", default_value = "api")]
    pub replica_id: String,

    /// Where replicas run, for the command that scales them
    #[arg(long, env = "RAILWAY_REPLICA_REGION", default_value = "eu-west")]
    pub replica_region: String,

    /// On SIGTERM, requests that run have this long to finish, in seconds. Held requests are answered at once
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub drain_seconds: u64,

    /// How many proxies stand before the api: so many entries of `X-Forwarded-For`, from its end, are believed. 0, the
    /// default, believes none: then the client is whoever is connected
    #[arg(long, env = "TRUSTED_PROXIES")]
    pub trusted_proxies: Option<u8>,

    /// Opens monitoring and administration: `Authorization: Bearer TOKEN` or `x-admin-token: TOKEN`. Without it nobody can change anything
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<Secret>,

    /// Who may read the monitoring paths without the token: addresses and networks (`127.0.0.1,10.0.0.0/8`), separated by commas
    #[arg(long, env = "MONITORING_ALLOWED_IPS", default_value = "")]
    pub monitoring_allowed_ips: Networks,

    /// Set by the platform: its proxy stands before the api
    #[arg(long, env = "RAILWAY_ENVIRONMENT", hide = true)]
    pub railway_environment: Option<String>,

    /// Set by the platform as well
    #[arg(long, env = "RAILWAY_PROJECT_ID", hide = true)]
    pub railway_project_id: Option<String>,
}

impl ApiConfig {
    /// What one address may keep open at a time; 0 is no limit.
    #[must_use]
    pub fn held_per_address(&self) -> u32 {
        self.api_max_held_per_address.unwrap_or_else(|| self.api_max_concurrent.div_ceil(4))
    }

    /// Longest lesson text, in characters.
    #[must_use]
    pub const fn content_max(&self) -> usize {
        self.content_max_chars as usize
    }

    /// Largest request body, in bytes: the longest text in the widest characters, and some room.
    #[must_use]
    pub const fn body_max(&self) -> usize {
        self.content_max() * BYTES_PER_CHAR + BODY_OVERHEAD
    }

    /// Largest recording, in bytes.
    #[must_use]
    pub const fn audio_max(&self) -> usize {
        self.audio_max_bytes as usize
    }

    /// How long the legacy flashcards path waits when the request does not say.
    #[must_use]
    pub const fn legacy_wait(&self) -> Duration {
        Duration::from_secs(self.legacy_wait_seconds)
    }

    /// How long a connection may take to send the next request's head.
    #[must_use]
    pub const fn idle_patience(&self) -> Duration {
        Duration::from_secs(self.api_idle_seconds)
    }

    /// The time that running requests have on shutdown.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// How many entries of `X-Forwarded-For` are believed.
    #[must_use]
    pub fn believed_proxies(&self) -> usize {
        self.trusted_proxies.unwrap_or(0).into()
    }

    /// Whether a client named the admin token. Without a token nobody can.
    #[must_use]
    pub fn is_admin_token(&self, named: &[u8]) -> bool {
        self.admin_token.as_ref().is_some_and(|token| token.is(named))
    }

    /// Checks the rules that clap can't state in one line that names the variable.
    ///
    /// # Errors
    ///
    /// When it is not clear who a request is from, or how many proxies are believed where there must be one.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.identity.validate()?;
        let set = |variable: &Option<String>| variable.as_ref().is_some_and(|value| !value.is_empty());
        if self.trusted_proxies.is_none() && (set(&self.railway_environment) || set(&self.railway_project_id)) {
            return Err(ConfigError::new(
                "TRUSTED_PROXIES (--trusted-proxies) is not set, and on Railway every request comes through its proxy: \
                 set TRUSTED_PROXIES=1, or one more for each proxy of your own in front of it",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        api: ApiConfig,
    }

    fn parse(args: &[&str]) -> ApiConfig {
        Cli::try_parse_from([&["api"], args].concat()).unwrap().api
    }

    #[test]
    fn the_body_holds_the_longest_text_in_the_widest_characters() {
        let config = parse(&["--auth", "trust-client", "--content-max-chars", "1000"]);
        assert_eq!(config.body_max(), 4_000 + 65_536);
    }

    #[test]
    fn behind_the_platform_s_proxy_the_number_of_proxies_must_be_said() {
        for flag in ["--railway-environment", "--railway-project-id"] {
            let error = parse(&["--auth", "trust-client", flag, "x"]).validate().unwrap_err().to_string();
            assert!(error.starts_with("TRUSTED_PROXIES ") && error.contains("TRUSTED_PROXIES=1"), "{error}");
            parse(&["--auth", "trust-client", flag, ""]).validate().unwrap();
            for number in ["0", "1"] {
                parse(&["--auth", "trust-client", flag, "x", "--trusted-proxies", number]).validate().unwrap();
            }
        }
    }

    #[test]
    fn the_admin_token_is_not_shown_and_none_opens_nothing() {
        let config = parse(&["--auth", "trust-client", "--admin-token", "hunter2"]);
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(config.is_admin_token(b"hunter2") && !config.is_admin_token(b""));
        assert!(!parse(&["--auth", "trust-client"]).is_admin_token(b""));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for args in [
            ["--port", "65536"],
            ["--legacy-wait-seconds", "61"],
            ["--content-max-chars", "0"],
            ["--auth", "x"],
            ["--trusted-proxies", "256"],
            ["--monitoring-allowed-ips", "localhost"],
        ] {
            assert!(Cli::try_parse_from([&["api"], &args[..]].concat()).is_err(), "{args:?}");
        }
    }
}
