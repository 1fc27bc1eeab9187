//! What several answers about users have in common.

use serde::Serialize;
use shared::{
    timestamp::rfc3339,
    users::{Counts, LastError, Suspension},
};
use utoipa::ToSchema;

/// How many requests and jobs came to what.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserCounts)]
pub(super) struct ShownCounts {
    /// Requests that were given a job, one that others had done included.
    accepted: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    /// Requests that the queue refused.
    refused: u64,
    /// Requests that a limit of requests refused.
    rate_limited: u64,
}

impl From<Counts> for ShownCounts {
    fn from(counts: Counts) -> Self {
        let Counts { accepted, completed, failed, cancelled, refused, limited } = counts;
        Self { accepted, completed, failed, cancelled, refused, rate_limited: limited }
    }
}

/// The user may ask for no more jobs.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspension)]
pub(super) struct ShownSuspension {
    #[schema(format = DateTime)]
    since: String,
    /// For people; the user is not told.
    #[schema(example = "Too many, too fast")]
    reason: String,
}

impl From<Suspension> for ShownSuspension {
    fn from(suspension: Suspension) -> Self {
        Self { since: rfc3339(suspension.since_ms), reason: suspension.reason }
    }
}

/// What went wrong last.
#[derive(Serialize, ToSchema)]
#[schema(as = LastError)]
pub(super) struct ShownError {
    /// Of a failed job its own code; of a refused request `full`, `suspended`, `killed` or `over`.
    #[schema(example = "openai_refused")]
    code: String,
    #[schema(format = DateTime)]
    at: String,
}

impl From<LastError> for ShownError {
    fn from(error: LastError) -> Self {
        Self { code: error.code, at: rfc3339(error.at_ms) }
    }
}
