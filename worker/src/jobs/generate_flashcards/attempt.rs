//! The attempt that runs, as this job sees it.

use std::{collections::BTreeMap, future::Future};

use shared::{
    job::{JobError, JobId},
    queue::JobContext,
};

/// Where an attempt keeps its finished work.
pub(super) trait Attempt: Sync {
    /// The job.
    fn job_id(&self) -> JobId;
    /// Which attempt this is, from 1.
    fn number(&self) -> u32;
    /// What this and earlier attempts have recorded, by name.
    fn checkpoints(&self) -> impl Future<Output = Result<BTreeMap<String, String>, JobError>> + Send;
    /// Records `value` under `name`, in place of what stood there, and the progress in percent.
    fn checkpoint(&self, name: &str, value: &str, progress: u8) -> impl Future<Output = Result<(), JobError>> + Send;
}

impl Attempt for JobContext {
    fn job_id(&self) -> JobId {
        self.id()
    }

    fn number(&self) -> u32 {
        self.attempt()
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, String>, JobError> {
        Self::checkpoints(self).await
    }

    async fn checkpoint(&self, name: &str, value: &str, progress: u8) -> Result<(), JobError> {
        Self::checkpoint(self, name, value, progress).await
    }
}
