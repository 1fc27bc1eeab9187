//! What several answers about users have in common.

use serde::Serialize;
use shared::{
    budget::{Spend, Usd},
    clock,
    timestamp::rfc3339,
    users::{Counts, LastError, Suspension},
};

/// `{"success":true, …, "timestamp": …}`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<T> {
    success: bool,
    #[serde(flatten)]
    body: T,
    timestamp: String,
}

impl<T> Answer<T> {
    /// Around `body`, whose one field has the name of what is shown.
    pub(super) fn of(body: T) -> Self {
        Self { success: true, body, timestamp: rfc3339(clock::unix_ms()) }
    }
}

/// How many requests and jobs came to what.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownCounts {
    accepted: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    refused: u64,
    rate_limited: u64,
}

impl From<Counts> for ShownCounts {
    fn from(counts: Counts) -> Self {
        let Counts { accepted, completed, failed, cancelled, refused, limited } = counts;
        Self { accepted, completed, failed, cancelled, refused, rate_limited: limited }
    }
}

/// A suspension.
#[derive(Debug, Serialize)]
pub(super) struct ShownSuspension {
    since: String,
    reason: String,
}

impl From<Suspension> for ShownSuspension {
    fn from(suspension: Suspension) -> Self {
        Self { since: rfc3339(suspension.since_ms), reason: suspension.reason }
    }
}

/// What went wrong last.
#[derive(Debug, Serialize)]
pub(super) struct ShownError {
    code: String,
    at: String,
}

impl From<LastError> for ShownError {
    fn from(error: LastError) -> Self {
        Self { code: error.code, at: rfc3339(error.at_ms) }
    }
}

/// What was spent in a day, and what accepted jobs may yet come to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownSpend {
    tokens: u64,
    usd: f64,
    held_tokens: u64,
    held_usd: f64,
}

impl From<Spend> for ShownSpend {
    fn from(spend: Spend) -> Self {
        let Spend { tokens, micros, held_tokens, held_micros } = spend;
        Self { tokens, usd: usd(micros), held_tokens, held_usd: usd(held_micros) }
    }
}

/// Dollars as a number.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^52 micro-dollars")]
pub(super) fn usd(micros: u64) -> f64 {
    micros as f64 / Usd::MICROS as f64
}
