//! The only place that reads the machine's clock.
//!
//! Nothing that is shared between processes is decided by it: Redis' `TIME` is the clock of the fleet. It serves
//! time stamps in answers and logs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, by this machine's clock.
#[must_use]
pub fn unix_ms() -> u64 {
    unix_us() / 1_000
}

/// Microseconds since the Unix epoch, by this machine's clock.
#[must_use]
pub fn unix_us() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else uses")]
    let now = SystemTime::now();
    u64::try_from(now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_micros()).unwrap_or(u64::MAX)
}
