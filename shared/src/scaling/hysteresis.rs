//! Up at once, down after a while.

use std::time::Duration;

/// Keeps one who follows advice from swinging: replicas are added at once, and taken away when for some time fewer were enough.
#[derive(Debug, Clone)]
pub struct Hysteresis {
    stable: Duration,
    /// Since when fewer are enough, and the most that were needed since.
    lower: Option<(Duration, u32)>,
}

impl Hysteresis {
    /// Takes replicas away after fewer were enough for `stable`.
    #[must_use]
    pub const fn new(stable: Duration) -> Self {
        Self { stable, lower: None }
    }

    /// To how many replicas to go from `current`, where `wanted` are needed at the time `now`; `None` to stay.
    pub fn decide(&mut self, now: Duration, current: u32, wanted: u32) -> Option<u32> {
        if wanted >= current {
            self.lower = None;
            return (wanted > current).then_some(wanted);
        }
        let (since, most) = self.lower.map_or((now, wanted), |(since, most)| (since, most.max(wanted)));
        self.lower = Some((since, most));
        if now.saturating_sub(since) < self.stable || most >= current {
            return None;
        }
        self.lower = None;
        Some(most)
    }
}
