//! What a handler knows of its job.

use std::sync::{Arc, atomic::AtomicU32};

use super::WorkerStats;
use crate::{
    job::JobId,
    limiter::Upstream,
    redis::{Keys, RedisPool},
};

/// One attempt at a job. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobContext {
    pub(super) redis: RedisPool,
    pub(super) keys: Arc<Keys>,
    pub(super) queue: Arc<str>,
    /// The lane that the job waited in.
    pub(super) lane: Arc<str>,
    pub(super) id: JobId,
    pub(super) fence: u64,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    pub(super) resumed: bool,
    pub(super) upstream: Option<Arc<Upstream>>,
    pub(super) stats: Arc<WorkerStats>,
    /// Calls of this attempt so far.
    pub(super) calls: Arc<AtomicU32>,
}

impl JobContext {
    /// The job's id.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How many attempts there may be.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }
}
