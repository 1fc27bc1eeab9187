//! How long a new job will take, in words.

/// What one job takes when nobody waits, in seconds.
const FASTEST: u64 = 10;
const SLOWEST: u64 = 30;
/// Seconds that each job ahead adds: with the default limit of 50 requests per minute, and twice that for long texts.
const AHEAD_LEAST: (u64, u64) = (6, 5);
const AHEAD_MOST: (u64, u64) = (12, 5);

/// The span of time that a job with `ahead` jobs before it may expect, such as `10-30 seconds` or `2-5 minutes`.
pub(super) fn estimate(ahead: u64) -> String {
    let add = |base: u64, (seconds, jobs): (u64, u64)| base.saturating_add(ahead.saturating_mul(seconds) / jobs);
    let (least, most) = (add(FASTEST, AHEAD_LEAST), add(SLOWEST, AHEAD_MOST));
    let (unit, name) = match most {
        0..=119 => (10, "seconds"),
        120..=7_199 => (60, "minutes"),
        _ => (3_600, "hours"),
    };
    // The least is rounded down, the most to the nearest.
    let (least, most) = (least / unit, most.saturating_add(unit / 2) / unit);
    let scale = if unit == 10 { 10 } else { 1 };
    format!("{}-{} {name}", least.max(1) * scale, most * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_the_jobs_ahead() {
        for (ahead, text) in [
            (0, "10-30 seconds"),
            (2, "10-30 seconds"),
            (10, "20-50 seconds"),
            (37, "50-120 seconds"),
            (50, "1-3 minutes"),
            (1_000, "20-41 minutes"),
            (10_000, "3-7 hours"),
        ] {
            assert_eq!(estimate(ahead), text, "{ahead}");
        }
        assert!(estimate(u64::MAX).ends_with("hours"));
    }
}
