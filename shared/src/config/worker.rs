//! How a worker process works.

use std::time::Duration;

use clap::Args;

use super::{ConfigError, JobsConfig};

/// The longest that one call to a worker's upstream takes, and what sets it.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamTimeout {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub time: Duration,
}

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
    /// When a call could outlive the drain time or a job's deadline, or a job could not outlive its worker.
    pub fn validate(&self, jobs: &JobsConfig, upstream: UpstreamTimeout) -> Result<(), ConfigError> {
        let (deadline, timeout) = (jobs.job_deadline_seconds, upstream.time.as_secs());
        let upstream = upstream.variable;
        let refused = if self.drain_seconds <= timeout {
            format!(
                "DRAIN_SECONDS ({}) must be above {upstream} ({timeout}), so that a running call can finish",
                self.drain_seconds
            )
        } else if deadline < timeout {
            format!(
                "JOB_DEADLINE_SECONDS ({deadline}) must not be below {upstream} ({timeout}): one call may take that long"
            )
        } else if deadline <= self.lease_seconds {
            format!(
                "JOB_DEADLINE_SECONDS ({deadline}) must be above LEASE_SECONDS ({}): a job whose worker was lost would be dead before \
                 another worker gets it",
                self.lease_seconds
            )
        } else if jobs.job_retry_base_ms > jobs.job_retry_cap_ms {
            format!(
                "JOB_RETRY_BASE_MS ({}) must not be above JOB_RETRY_CAP_MS ({})",
                jobs.job_retry_base_ms, jobs.job_retry_cap_ms
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::new(refused))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Settings {
        #[command(flatten)]
        worker: WorkerConfig,
        #[command(flatten)]
        jobs: JobsConfig,
    }

    fn validated(args: &[&str]) -> Result<(), String> {
        let settings = Settings::parse_from([&["test"], args].concat());
        let upstream = UpstreamTimeout { variable: "OPENAI_TIMEOUT_SECONDS", time: Duration::from_secs(90) };
        settings.worker.validate(&settings.jobs, upstream).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        for (args, names) in [
            (["--drain-seconds", "90"], ["DRAIN_SECONDS (90)", "OPENAI_TIMEOUT_SECONDS (90)"]),
            (["--job-deadline-seconds", "89"], ["JOB_DEADLINE_SECONDS (89)", "OPENAI_TIMEOUT_SECONDS (90)"]),
            (["--lease-seconds", "3600"], ["JOB_DEADLINE_SECONDS (3600)", "LEASE_SECONDS (3600)"]),
            (["--job-retry-base-ms", "30001"], ["JOB_RETRY_BASE_MS (30001)", "JOB_RETRY_CAP_MS (30000)"]),
        ] {
            let lease = ["--job-deadline-seconds", "3600"];
            let args = if args[0] == "--lease-seconds" { [args, lease].concat() } else { args.to_vec() };
            let error = validated(&args).unwrap_err();
            assert!(names.iter().all(|name| error.contains(name)) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_defaults_and_short_leases_agree() {
        for lease in ["1", "2", "30"] {
            validated(&["--lease-seconds", lease]).unwrap();
        }
        validated(&["--drain-seconds", "91", "--job-deadline-seconds", "90"]).unwrap();
    }
}
