//! When a breaker opens and closes.

use std::time::Duration;

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// Failures within [`Self::failure_window`] that open it. A job counts once, and a user at most twice while calls of
    /// others are answered.
    pub failures: u32,
    /// Share of the calls of the same time that these failures must be as well, from 0 to 1.
    pub failure_ratio: f64,
    /// See [`Self::failures`].
    pub failure_window: Duration,
    /// How long it is open the first time; twice as long after each probe that failed.
    pub open: Duration,
    /// It is never open for longer than this before a probe.
    pub open_max: Duration,
    /// Probes that must succeed before it closes.
    pub successes: u32,
    /// Time between probes where the account can't be used.
    pub slow_probe: Duration,
    /// A probe without an end is given up after this: longer than a call can take.
    pub probe: Duration,
}

/// Reads a share of failures.
///
/// # Errors
///
/// When it is not a number from 0 to 1.
pub fn failure_ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().map_err(|_| format!("{text} is not a number"))?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err(format!("{text} is not between 0 and 1")) }
}
