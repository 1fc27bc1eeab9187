//! How long jobs live and how many may wait.

use std::time::Duration;

use clap::Args;

/// Jobs: attempts, deadlines, retention and the size of the queue.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Jobs")]
pub struct JobsConfig {
    /// Attempts before a job is a dead letter
    #[arg(long, env = "JOB_MAX_ATTEMPTS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub job_max_attempts: u32,

    /// Longest wait before the second attempt, in ms; it doubles with every further one. The wait itself is drawn at random below it
    #[arg(long, env = "JOB_RETRY_BASE_MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub job_retry_base_ms: u64,

    /// No wait before an attempt is longer, in ms
    #[arg(long, env = "JOB_RETRY_CAP_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    pub job_retry_cap_ms: u64,

    /// A job that has not ended by then is a dead letter, in seconds
    #[arg(long, env = "JOB_DEADLINE_SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=2_592_000))]
    pub job_deadline_seconds: u64,

    /// How long results are kept, in seconds
    #[arg(long, env = "COMPLETED_TTL_SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub completed_ttl_seconds: u64,

    /// How long dead letters are kept, in seconds
    #[arg(long, env = "DEAD_TTL_SECONDS", default_value_t = 604_800, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub dead_ttl_seconds: u64,

    /// Jobs that may be unfinished in one queue, those that run included; beyond it new ones are refused with 503
    #[arg(long, env = "QUEUE_MAX_WAITING", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub queue_max_waiting: u64,
}

impl JobsConfig {
    /// How long results are kept.
    #[must_use]
    pub const fn completed_ttl(&self) -> Duration {
        Duration::from_secs(self.completed_ttl_seconds)
    }

    /// How long dead letters are kept.
    #[must_use]
    pub const fn dead_ttl(&self) -> Duration {
        Duration::from_secs(self.dead_ttl_seconds)
    }

    /// The time that a job has to end.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        Duration::from_secs(self.job_deadline_seconds)
    }
}
