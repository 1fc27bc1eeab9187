//! How a worker process works.

use std::time::Duration;

use clap::Args;

use super::ConfigError;

/// A worker process.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerConfig {
    /// Jobs that run at once in this process
    #[arg(long, env = "WORKER_CONCURRENCY", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub worker_concurrency: u32,

    /// A worker that is silent for this long loses its jobs to others, in seconds
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub lease_seconds: u64,

    /// On SIGTERM, jobs that run have this long to finish, in seconds. The platform's kill delay must be above it
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub drain_seconds: u64,

    /// Names this replica in leases and logs
    #[arg(long, env = "RAILWAY_REPLICA_ID", default_value = "worker")]
    pub replica_id: String,

    /// An idle worker that missed a wake-up looks by itself after this long, in ms
    #[arg(long, env = "FALLBACK_POLL_MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    pub fallback_poll_ms: u64,
}

impl WorkerConfig {
    /// How long a worker may be silent.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    /// The time that running jobs have on shutdown.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// How long a lost wake-up may go unnoticed.
    #[must_use]
    pub const fn fallback_poll(&self) -> Duration {
        Duration::from_millis(self.fallback_poll_ms)
    }

    /// Checks the rules between sections.
    ///
    /// # Errors
    ///
    /// When a call could outlive the drain time.
    pub fn validate(&self, upstream_timeout: Duration) -> Result<(), ConfigError> {
        if self.drain() <= upstream_timeout {
            return Err(ConfigError::new(format!(
                "DRAIN_SECONDS ({}) must be above the upstream time-out ({} s), so that a running call can finish",
                self.drain_seconds,
                upstream_timeout.as_secs()
            )));
        }
        Ok(())
    }
}
