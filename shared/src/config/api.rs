//! The HTTP API.

use std::time::Duration;

use clap::Args;

use super::{IdentityConfig, RequestLimitsConfig};

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

    /// How long the legacy flashcards path waits for the cards before it answers 202, in seconds. The shipped app reads
    /// the cards from that answer: 55 suits it
    #[arg(long, env = "LEGACY_WAIT_SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub legacy_wait_seconds: u64,

    /// Requests that one replica has in hand at once, held ones included; beyond it 503. 0 is no limit
    #[arg(long, env = "API_MAX_CONCURRENT", default_value_t = 5_000)]
    pub api_max_concurrent: u32,

    /// Origins of web pages that may call this API from a browser, separated by commas, such as https://app.example.com
    #[arg(long, env = "CORS_ALLOWED_ORIGINS", value_delimiter = ',')]
    pub cors_allowed_origins: Vec<String>,

    /// Names this replica in `x-replica-id`
    #[arg(long, env = "RAILWAY_REPLICA_ID", default_value = "api")]
    pub replica_id: String,

    /// On SIGTERM, requests that run have this long to finish, in seconds. Held requests are answered at once
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub drain_seconds: u64,
}

impl ApiConfig {
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

    /// How long the legacy flashcards path waits when the request does not say.
    #[must_use]
    pub const fn legacy_wait(&self) -> Duration {
        Duration::from_secs(self.legacy_wait_seconds)
    }

    /// The time that running requests have on shutdown.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
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
    fn values_out_of_range_are_refused() {
        for args in
            [["--port", "65536"], ["--legacy-wait-seconds", "61"], ["--content-max-chars", "0"], ["--auth", "x"]]
        {
            assert!(Cli::try_parse_from([&["api"], &args[..]].concat()).is_err(), "{args:?}");
        }
    }
}
