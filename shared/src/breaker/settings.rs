//! When a breaker opens and closes.

use std::time::Duration;

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures within [`Self::failure_window`] that open it.
    pub failures: u32,
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
