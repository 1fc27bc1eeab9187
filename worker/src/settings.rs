//! The settings that every worker binary has.

use clap::Args;
use shared::config::{DurabilityConfig, JobsConfig, LoggingConfig, RedisConfig, WorkerConfig};

/// What every worker can be told; a binary flattens it beside what its upstream needs.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    /// How it works.
    #[command(flatten)]
    pub worker: WorkerConfig,
    /// Where Redis is.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How sure it wants to be of Redis.
    #[command(flatten)]
    pub durability: DurabilityConfig,
    /// Lifetimes of jobs.
    #[command(flatten)]
    pub jobs: JobsConfig,
    /// Logs.
    #[command(flatten)]
    pub logging: LoggingConfig,
}
