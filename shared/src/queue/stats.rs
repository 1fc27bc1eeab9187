//! Figures of one worker process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What this process has done since its start.
#[derive(Debug, Default)]
pub struct WorkerStats {
    succeeded: AtomicU64,
    failed: AtomicU64,
    running: AtomicU64,
    peak: AtomicU64,
}

impl WorkerStats {
    /// Attempts that ended, well or not.
    #[must_use]
    pub fn processed(&self) -> u64 {
        self.succeeded() + self.failed()
    }

    /// Attempts that ended well.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    /// Attempts that did not end well. A snooze is not one of them.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Jobs that run now.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// The most that ever ran at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    pub(super) fn started(&self) {
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.peak.fetch_max(running, Relaxed);
    }

    pub(super) fn ended(&self, outcome: &'static str) {
        match outcome {
            "complete" => self.succeeded.fetch_add(1, Relaxed),
            "retry" | "fail" => self.failed.fetch_add(1, Relaxed),
            _ => 0,
        };
    }

    pub(super) fn stopped(&self) {
        self.running.fetch_sub(1, Relaxed);
    }
}
