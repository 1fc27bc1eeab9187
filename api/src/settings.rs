//! The settings of the `api` binary.

use clap::Parser;
use shared::{
    config::{
        ApiConfig, BudgetConfig, DurabilityConfig, JobsConfig, LoggingConfig, OpenAiBreakerConfig, OpenAiCallConfig,
        RedisConfig,
    },
    startup::{self, StartupError},
    telemetry::cores,
};

const EXAMPLES: &str = "\
Examples:
  AUTH=trust-client api                               on port 3001, with Redis on this machine
  api --auth trust-client --port 8080                 every variable is a flag as well
  AUTH=trust-client LEGACY_WAIT_SECONDS=55 api        for shipped apps, which wait for the cards
  AUTH=trust-client REDIS_URL=rediss://:pw@host api   Redis with TLS and a password

  curl localhost:3001/api/health
  curl localhost:3001/api/v1/flashcards -H 'content-type: application/json' -H 'user-id: me' \\
    -d '{\"content\":\"…\",\"subject\":\"Biology\",\"topic\":\"Cells\",\"targetLanguage\":\"German\"}'";

/// Every setting of the `api` binary.
#[derive(Debug, Parser)]
#[command(name = "api", version, about = "UniLingo's HTTP API: accepts jobs, answers for them", after_help = EXAMPLES)]
pub struct Settings {
    /// The HTTP API.
    #[command(flatten)]
    pub api: ApiConfig,
    /// Where Redis is.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How sure it wants to be of Redis.
    #[command(flatten)]
    pub durability: DurabilityConfig,
    /// Lifetimes of jobs.
    #[command(flatten)]
    pub jobs: JobsConfig,
    /// What may be spent.
    #[command(flatten)]
    pub budget: BudgetConfig,
    /// What a call to the model is made of, to reckon with.
    #[command(flatten)]
    pub call: OpenAiCallConfig,
    /// When the breaker of the model opens and closes, to tell it.
    #[command(flatten)]
    pub breaker: OpenAiBreakerConfig,
    /// Logs.
    #[command(flatten)]
    pub logging: LoggingConfig,
}

impl Settings {
    /// Reads flags and environment of this process.
    ///
    /// # Errors
    ///
    /// When help was asked for, or a setting is wrong.
    pub fn from_args() -> Result<Self, StartupError> {
        let settings: Self = startup::read()?;
        settings.api.validate()?;
        settings.jobs.validate(settings.api.body_max().max(settings.api.audio_max()))?;
        Ok(settings)
    }

    /// Threads that answer requests: a processor is left to a Redis on this machine.
    #[must_use]
    pub fn threads(&self) -> usize {
        let cores = cores();
        let left = if self.redis.is_on_this_machine() { cores - 1 } else { cores };
        self.api.api_threads.map_or(left, usize::from).max(1)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn help_has_examples_and_no_secret() {
        let help = Settings::command().render_long_help().to_string();
        assert!(help.contains("Examples:") && help.contains("LEGACY_WAIT_SECONDS"), "{help}");
        Settings::command().debug_assert();
    }

    #[test]
    fn a_processor_is_left_to_a_redis_on_this_machine() {
        let threads = |more: &[&str]| Settings::parse_from(["api"].iter().chain(more)).threads();
        assert_eq!(threads(&["--redis-url", "redis://redis:6379"]), cores());
        assert_eq!(threads(&["--redis-url", "redis://localhost"]), (cores() - 1).max(1));
        assert_eq!(threads(&["--redis-url", "redis://localhost", "--api-threads", "7"]), 7);
    }
}
