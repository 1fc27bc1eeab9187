//! A job as its owner sees it.

use serde_json::value::RawValue;

use super::{JobId, JobState, QueueName};

/// What is known of a job, read in one step.
#[derive(Debug)]
pub struct JobView {
    /// The job's id.
    pub id: JobId,
    /// The kind's stable name.
    pub kind: String,
    /// The queue that it waits in.
    pub queue: QueueName,
    /// Who asked for it.
    pub user: String,
    /// Where it stands.
    pub state: JobState,
    /// Attempts started so far.
    pub attempts: u32,
    /// Work done, in percent.
    pub progress: u8,
    /// When it was accepted, in ms since the Unix epoch (Redis' clock).
    pub created_at_ms: u64,
    /// When it ended, in ms since the Unix epoch.
    pub finished_at_ms: Option<u64>,
    /// When a scheduled job is due, in ms since the Unix epoch.
    pub run_at_ms: Option<u64>,
    /// The result of a completed job: JSON that the handler wrote.
    pub result: Option<Box<RawValue>>,
    /// The result is that of the same work, done for an earlier job.
    pub from_cache: bool,
    /// The last failure. Of a job that is not `failed`, that of its last attempt.
    pub failure: Option<JobFailure>,
}

/// Why a job, or its last attempt, failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// The stable code.
    pub code: String,
    /// What a person reads.
    pub message: String,
}
