//! How long jobs live and how many may wait.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ConfigError;

/// Jobs: attempts, deadlines, retention and the size of the queue.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Jobs")]
pub struct JobsConfig {
    /// Attempts before a job is a dead letter
    #[arg(long, env = "JOB_MAX_ATTEMPTS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub job_max_attempts: u32,

    /// Worker crashes that make a job a dead letter: those in which it was the only suspect. They use no attempt
    #[arg(long, env = "JOB_MAX_CRASHES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub job_max_crashes: u32,

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

    /// How long finished work answers for the same work again, without a call, in seconds; 0 is off
    #[arg(long, env = "CONTENT_CACHE_TTL_SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    pub content_cache_ttl_seconds: u64,

    /// Most bytes of the results that answer so; beyond them the oldest make room
    #[arg(long, env = "CACHE_MAX_BYTES", default_value_t = 268_435_456)]
    pub cache_max_bytes: u64,

    /// Whose work is the same: everybody's, or one user's
    #[arg(long, env = "CONTENT_SHARING", value_enum, default_value_t)]
    pub content_sharing: ContentSharing,

    /// Jobs that may be unfinished in one queue, those that run included; beyond it new ones are refused with 503
    #[arg(long, env = "QUEUE_MAX_WAITING", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub queue_max_waiting: u64,

    /// Most bytes of what the unfinished jobs of one queue are made of (texts; those of up to 256 bytes are not counted); beyond it new ones are refused with 503
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = 268_435_456, value_parser = clap::value_parser!(u64).range(1..))]
    pub queue_max_bytes: u64,
}

/// Whose work counts as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ContentSharing {
    /// Everybody's: a text that several learners send is paid for once
    #[default]
    Shared,
    /// One user's: nothing that was made for someone reaches anyone else
    PerUser,
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

    /// How long finished work answers for the same work.
    #[must_use]
    pub const fn content_cache_ttl(&self) -> Duration {
        Duration::from_secs(self.content_cache_ttl_seconds)
    }

    /// The time that a job has to end.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        Duration::from_secs(self.job_deadline_seconds)
    }

    /// Checks the rules between sections; `largest_body` is what one job may be made of, in bytes.
    ///
    /// # Errors
    ///
    /// When a single job could be too large for an empty queue.
    pub fn validate(&self, largest_body: usize) -> Result<(), ConfigError> {
        if self.queue_max_bytes < largest_body as u64 {
            return Err(ConfigError::new(format!(
                "QUEUE_MAX_BYTES ({}) must hold the largest request, {largest_body} bytes (CONTENT_MAX_CHARS)",
                self.queue_max_bytes
            )));
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
        jobs: JobsConfig,
    }

    #[test]
    fn a_queue_that_could_not_hold_one_job_is_refused() {
        let jobs = Cli::try_parse_from(["test", "--queue-max-bytes", "1000"]).unwrap().jobs;
        jobs.validate(1_000).unwrap();
        let error = jobs.validate(1_001).unwrap_err().to_string();
        assert!(error.contains("QUEUE_MAX_BYTES (1000)") && error.contains("1001"), "{error}");
    }
}
