//! What a user did, or all of them on a day.

use std::collections::HashMap;

/// How many requests and jobs came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that were given a job, one that others had done included.
    pub accepted: u64,
    /// Jobs that ended well.
    pub completed: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub cancelled: u64,
    /// Requests that were refused: the queue was full, the budget did not allow it, or the user was suspended.
    pub refused: u64,
    /// Requests that a limit of requests refused.
    pub limited: u64,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// The stable code of a failed job; of a refused request `full`, `suspended`, `killed` or `over`.
    pub code: String,
    /// When, in ms since the Unix epoch.
    pub at_ms: u64,
}

/// What is known of a user's activity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// When the user asked for something first, in ms since the Unix epoch; `None` where nothing is known of it.
    pub first_ms: Option<u64>,
    /// When the user asked for something last.
    pub last_ms: Option<u64>,
    /// How many requests and jobs came to what.
    pub counts: Counts,
    /// Why a job failed last.
    pub last_error: Option<LastError>,
    /// Why a request was refused last.
    pub last_refusal: Option<LastError>,
}

/// A hash as scripts return it.
#[derive(Debug, Default)]
pub(super) struct Hash(HashMap<String, String>);

impl Hash {
    /// From fields and values in turn.
    pub(super) fn read(words: Vec<String>) -> Self {
        let mut words = words.into_iter();
        let mut hash = HashMap::new();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            hash.insert(field, value);
        }
        Self(hash)
    }

    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field)?.parse().ok()
    }

    fn error(&self, code: &str, at: &str) -> Option<LastError> {
        Some(LastError { code: self.0.get(code)?.clone(), at_ms: self.number(at)? })
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |field| self.number(field).unwrap_or_default();
        Counts {
            accepted: count("accepted"),
            completed: count("completed"),
            failed: count("failed"),
            cancelled: count("cancelled"),
            refused: count("refused"),
            limited: count("limited"),
        }
    }

    pub(super) fn activity(&self) -> Activity {
        Activity {
            first_ms: self.number("first"),
            last_ms: self.number("last"),
            counts: self.counts(),
            last_error: self.error("error", "error_at"),
            last_refusal: self.error("refusal", "refused_at"),
        }
    }
}
