//! The limits that are measured, and what is expected of each.

use std::{fmt, time::Duration};

use clap::ValueEnum;

/// What the upstream allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) calls: u64,
    pub(super) window: Duration,
}

impl Limit {
    /// Calls as a share of what the limit allows in `span`.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(super) fn utilisation(self, calls: usize, span: Duration) -> f64 {
        calls as f64 / (self.calls as f64 * span.as_secs_f64() / self.window.as_secs_f64())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {} s", self.calls, self.window.as_secs_f64())
    }
}

/// A limit under a line of jobs that never ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) limit: Limit,
    /// Windows that are measured.
    pub(super) windows: u32,
    /// The utilisation that is expected at least.
    pub(super) least: f64,
}

/// 50 a minute, a hundred times faster; and a large account.
const SHORT: Setting = Setting { limit: Limit { calls: 500, window: Duration::from_secs(6) }, windows: 5, least: 0.97 };
const LONG: Setting =
    Setting { limit: Limit { calls: 10_000, window: Duration::from_mins(1) }, windows: 2, least: 0.99 };
/// Where the edge of a window is looked at.
pub(super) const EDGE: Limit = Limit { calls: 50, window: Duration::from_secs(6) };

/// Which of the settings.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Settings {
    /// 500 calls per 6 s
    #[value(name = "6s")]
    Short,
    /// 10,000 calls per minute
    #[value(name = "60s")]
    Long,
    /// One after the other
    #[default]
    Both,
}

impl Settings {
    pub(super) const fn list(self) -> &'static [Setting] {
        match self {
            Self::Short => &[SHORT],
            Self::Long => &[LONG],
            Self::Both => &[SHORT, LONG],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_counts_as_a_loss() {
        let five_periods = Duration::from_millis(5 * 6_100);
        let utilisation = SHORT.limit.utilisation(5 * 500, five_periods);
        assert!((utilisation - 6_000.0 / 6_100.0).abs() < 1e-9, "{utilisation}");
        assert!((EDGE.utilisation(25, EDGE.window) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_limit_reads_as_one() {
        assert_eq!(LONG.limit.to_string(), "10000 per 60 s");
    }
}
