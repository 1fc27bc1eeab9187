//! The HTTP API.

use clap::{Args, ValueEnum};

/// Who a request is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Believe the `user-id` header and the `userId` field. For development and private networks only
    TrustClient,
}

/// The HTTP API.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct ApiConfig {
    /// How a request says who it is from. There is no default: choose
    #[arg(long, env = "AUTH", value_delimiter = ',', required = true)]
    pub auth: Vec<AuthMode>,

    /// Longest lesson text, in characters
    #[arg(long, env = "CONTENT_MAX_CHARS", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub content_max_chars: u32,

    /// How long the legacy flashcards path waits for the cards before it answers 202, in seconds. The shipped app reads
    /// the cards from that answer: 55 suits it
    #[arg(long, env = "LEGACY_WAIT_SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub legacy_wait_seconds: u64,
}
