//! The circuit breaker of Azure Speech.

use std::time::Duration;

use clap::Args;

use crate::breaker::BreakerSettings;

/// When the breaker opens and closes; it is one for the whole fleet.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Azure Speech")]
pub struct AzureBreakerConfig {
    /// Failures (5xx, time-outs, connections) that open the circuit breaker
    #[arg(long, env = "AZURE_SPEECH_BREAKER_FAILURES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub azure_speech_breaker_failures: u32,

    /// Share of the calls of the same time that must fail as well, from 0 to 1
    #[arg(long, env = "AZURE_SPEECH_BREAKER_FAILURE_RATIO", default_value_t = 0.5, value_parser = crate::breaker::failure_ratio)]
    pub azure_speech_breaker_failure_ratio: f64,

    /// The time in which these failures must happen, in ms
    #[arg(long, env = "AZURE_SPEECH_BREAKER_WINDOW_MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub azure_speech_breaker_window_ms: u64,

    /// How long an open breaker waits before its first probe, in ms; twice as long after each probe that failed
    #[arg(long, env = "AZURE_SPEECH_BREAKER_OPEN_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(10..=86_400_000))]
    pub azure_speech_breaker_open_ms: u64,

    /// It never waits longer than this, in ms
    #[arg(long, env = "AZURE_SPEECH_BREAKER_OPEN_MAX_MS", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10..=86_400_000))]
    pub azure_speech_breaker_open_max_ms: u64,

    /// Probes that must succeed before it closes
    #[arg(long, env = "AZURE_SPEECH_BREAKER_SUCCESSES", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub azure_speech_breaker_successes: u32,

    /// Time between probes where the account can't be used (key rejected), in ms
    #[arg(long, env = "AZURE_SPEECH_BREAKER_SLOW_PROBE_MS", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10..=86_400_000))]
    pub azure_speech_breaker_slow_probe_ms: u64,
}

impl AzureBreakerConfig {
    /// What the queue needs to know of it; a probe without an end is given up after `probe`.
    #[must_use]
    pub const fn settings(&self, probe: Duration) -> BreakerSettings {
        let ms = Duration::from_millis;
        BreakerSettings {
            failures: self.azure_speech_breaker_failures,
            failure_ratio: self.azure_speech_breaker_failure_ratio,
            failure_window: ms(self.azure_speech_breaker_window_ms),
            open: ms(self.azure_speech_breaker_open_ms),
            open_max: ms(self.azure_speech_breaker_open_max_ms),
            successes: self.azure_speech_breaker_successes,
            slow_probe: ms(self.azure_speech_breaker_slow_probe_ms),
            probe,
        }
    }
}
