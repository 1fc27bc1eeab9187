//! What is logged and how.

use clap::{Args, ValueEnum};

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Pretty,
    /// One JSON object a line
    Json,
}

/// Logs, which go to standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs")]
pub struct LoggingConfig {
    /// `pretty` or `json` [default: pretty on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,

    /// What to log, as `tracing-subscriber` filters: `info`, `shared=debug,info`
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub log: String,
}
