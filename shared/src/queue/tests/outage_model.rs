//! When leases are held since nobody has looked after them.

/// The last time that a script saw the leases.
#[derive(Debug, Clone, Default)]
pub(super) struct LookedAfter {
    seen: Option<i64>,
}

impl LookedAfter {
    /// A script sees them now. Where none has for too long, every lease that ends after the time that comes back goes on for a
    /// full `lease` from here.
    pub(super) fn look(&mut self, now: i64, lease: i64) -> Option<i64> {
        let before = self.seen;
        let gap = self.seen.map_or(0, |seen| now - seen);
        if self.seen.is_none() || gap >= 1_000.min(lease / 8) {
            self.seen = Some(now);
        }
        before.filter(|_| gap > lease / 2)
    }
}
