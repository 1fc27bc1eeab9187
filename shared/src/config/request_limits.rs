//! How often a user, and an address, may ask.

use std::time::Duration;

use clap::Args;

/// Limits of requests, each for all replicas together; 0 turns one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits of requests")]
pub struct RequestLimitsConfig {
    /// Flashcard jobs that a user may ask for in a minute; 0 is off
    #[arg(long, env = "USER_AI_LIMIT_PER_MIN", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=MOST))]
    pub user_ai_limit_per_min: u32,

    /// Recordings that a user may have assessed in a minute; 0 is off
    #[arg(long, env = "USER_PRONUNCIATION_LIMIT_PER_MIN", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=MOST))]
    pub user_pronunciation_limit_per_min: u32,

    /// Flashcard jobs that may be asked for from one address in a minute; 0 is off
    #[arg(long, env = "IP_AI_LIMIT_PER_MIN", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=MOST))]
    pub ip_ai_limit_per_min: u32,

    /// Recordings that may be sent from one address in a minute; 0 is off
    #[arg(long, env = "IP_PRONUNCIATION_LIMIT_PER_MIN", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=MOST))]
    pub ip_pronunciation_limit_per_min: u32,

    /// Requests from one address in 15 minutes, without looks at a job, health and monitoring; 0 is off
    #[arg(long, env = "IP_GENERAL_LIMIT_PER_15MIN", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=MOST))]
    pub ip_general_limit_per_15min: u32,
}

/// Each request in the window takes room in Redis.
const MOST: i64 = 1_000_000;

impl RequestLimitsConfig {
    /// How long a request for a job counts.
    pub const JOB_WINDOW: Duration = Duration::from_mins(1);
    /// How long a request counts for its address.
    pub const GENERAL_WINDOW: Duration = Duration::from_mins(15);
}
