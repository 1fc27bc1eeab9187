//! Where a job stands.

use std::str::FromStr;

/// A job's state.
///
/// ```text
///  enqueue ──▶ waiting ──take──▶ active ──settle──▶ completed
///     │           ▲                │ ├───settle──▶ failed      (dead letter: permanent error, attempts, deadline)
///     │           │ due            │ └───settle──▶ cancelled
///     └──────▶ scheduled ◀─settle──┘               (retry or snooze)
///                                  active ──lease lapsed──▶ waiting   (reclaim; the attempt counts)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "lowercase", description = "Where a job stands")
)]
pub enum JobState {
    /// Waits for a time. Entered by enqueue with a delay, by a retry or a snooze; left when the time has come.
    Scheduled,
    /// Waits for a worker. Entered by enqueue, when a scheduled job is due and by reclaim; left by take.
    Waiting,
    /// Held by a worker under a lease. Entered by take; left by settle, or by reclaim when the lease has lapsed.
    Active,
    /// Ended well. Its result is kept for `COMPLETED_TTL_SECONDS`.
    Completed,
    /// Ended for good without a result: a dead letter, kept for `DEAD_TTL_SECONDS`.
    Failed,
    /// Ended by request.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Waiting, Self::Active, Self::Completed, Self::Failed, Self::Cancelled];

    /// The stable name in Redis and in v1 answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// The text names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no job state is called `{0}`")]
pub struct UnknownJobState(String);

impl FromStr for JobState {
    type Err = UnknownJobState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownJobState(text.to_owned()))
    }
}
