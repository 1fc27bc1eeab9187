//! When a failed attempt is made again.

use std::time::Duration;

use rand::Rng;

/// Exponential backoff with full jitter.
///
/// Full jitter draws from nothing up to the exponential bound, which spreads a crowd of retries best:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The bound after the first attempt.
    pub base: Duration,
    /// No bound is above this.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_secs(2), cap: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// The longest that the job may wait after `attempt` (from 1) failed: `min(cap, base × 2^(attempt − 1))`.
    #[must_use]
    pub fn bound(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A random delay up to [`Self::bound`].
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(rand::rng().random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let bounds: Vec<u64> = (1..=6).map(|attempt| policy.bound(attempt).as_secs()).collect();
        assert_eq!(bounds, [2, 4, 8, 16, 30, 30]);
        assert_eq!(policy.bound(u32::MAX), policy.cap);
    }

    #[test]
    fn the_delay_stays_within_the_bound() {
        let policy = RetryPolicy::default();
        assert!((0..1_000).all(|attempt| policy.delay(attempt) <= policy.bound(attempt)));
    }
}
