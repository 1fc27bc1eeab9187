//! How many calls there are at once, and which recordings were assessed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the speech side has seen since it was cleared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpeechStats {
    /// Calls that arrived.
    pub calls: u64,
    /// Most that were handled at once, those above the ceiling included.
    pub max_in_flight: u32,
    /// Calls that found the ceiling reached.
    pub above_ceiling: u64,
    /// Calls that ended in a recognition result.
    pub answered: u64,
    /// Different recordings with their texts among those.
    pub distinct: u64,
    /// Most results of one recording with its text.
    pub max_repeats: u64,
}

/// The account of it.
#[derive(Debug, Default)]
pub(in crate::testing::simulator) struct Book(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: u64,
    in_flight: u32,
    max_in_flight: u32,
    above_ceiling: u64,
    answered: HashMap<[u8; 32], u64>,
}

/// A call that is being handled.
#[derive(Debug)]
pub(in crate::testing::simulator) struct Place(Arc<Book>);

impl Book {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where `ceiling` calls are being handled; 0 is no ceiling.
    pub(super) fn enter(self: &Arc<Self>, ceiling: u32) -> Option<Place> {
        let mut inner = self.lock();
        inner.calls += 1;
        inner.max_in_flight = inner.max_in_flight.max(inner.in_flight + 1);
        if ceiling > 0 && inner.in_flight >= ceiling {
            inner.above_ceiling += 1;
            return None;
        }
        inner.in_flight += 1;
        Some(Place(Arc::clone(self)))
    }

    pub(in crate::testing::simulator) fn stats(&self) -> SpeechStats {
        let inner = self.lock();
        SpeechStats {
            calls: inner.calls,
            max_in_flight: inner.max_in_flight,
            above_ceiling: inner.above_ceiling,
            answered: inner.answered.values().sum(),
            distinct: inner.answered.len() as u64,
            max_repeats: inner.answered.values().copied().max().unwrap_or(0),
        }
    }

    pub(in crate::testing::simulator) fn clear(&self) {
        let mut inner = self.lock();
        let in_flight = inner.in_flight;
        *inner = Inner { in_flight, max_in_flight: in_flight, ..Inner::default() };
    }
}

impl Place {
    /// Counts a result.
    pub(super) fn answered(&self, digest: [u8; 32]) {
        *self.0.lock().answered.entry(digest).or_default() += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

/// Stands for a recording and its text; neither is kept.
pub(super) fn digest(recording: &[u8], text: &str) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update((recording.len() as u64).to_le_bytes());
    sha.update(recording);
    sha.update(text);
    sha.finalize().into()
}
