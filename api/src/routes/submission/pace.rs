//! How long a new job will take, in words.

/// How fast jobs of a kind end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// What one job takes when nobody waits, in seconds.
    pub(crate) fastest: u64,
    pub(crate) slowest: u64,
    /// Seconds that so many jobs ahead add, at least and at most.
    pub(crate) ahead_least: (u64, u64),
    pub(crate) ahead_most: (u64, u64),
}

impl Pace {
    /// The span of time that a job with `ahead` jobs before it may expect, such as `10-30 seconds` or `2-5 minutes`.
    pub(crate) fn estimate(self, ahead: u64) -> String {
        let add = |base: u64, (seconds, jobs): (u64, u64)| base.saturating_add(ahead.saturating_mul(seconds) / jobs);
        let (least, most) = (add(self.fastest, self.ahead_least), add(self.slowest, self.ahead_most));
        let (unit, name) = match most {
            0..=9 => return format!("{least}-{most} seconds"),
            10..=119 => (10, "seconds"),
            120..=7_199 => (60, "minutes"),
            _ => (3_600, "hours"),
        };
        // The least is rounded down, the most to the nearest.
        let (least, most) = (least / unit, most.saturating_add(unit / 2) / unit);
        let scale = if unit == 10 { 10 } else { 1 };
        format!("{}-{} {name}", least.max(1) * scale, most * scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_the_jobs_ahead() {
        let slow = Pace { fastest: 10, slowest: 30, ahead_least: (6, 5), ahead_most: (12, 5) };
        for (ahead, text) in [
            (0, "10-30 seconds"),
            (2, "10-30 seconds"),
            (10, "20-50 seconds"),
            (37, "50-120 seconds"),
            (50, "1-3 minutes"),
            (1_000, "20-41 minutes"),
            (10_000, "3-7 hours"),
        ] {
            assert_eq!(slow.estimate(ahead), text, "{ahead}");
        }
        assert!(slow.estimate(u64::MAX).ends_with("hours"));
        let fast = Pace { fastest: 1, slowest: 5, ahead_least: (1, 20), ahead_most: (1, 5) };
        assert_eq!(
            [0, 19, 20, 100].map(|ahead| fast.estimate(ahead)),
            ["1-5 seconds", "1-8 seconds", "2-9 seconds", "10-30 seconds"]
        );
    }
}
