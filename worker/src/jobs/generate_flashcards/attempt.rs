//! The attempt that runs, as this job sees it.

use std::{collections::BTreeMap, future::Future};

use shared::{
    job::{JobError, JobId},
    queue::{Call, CallEnd, JobContext, Verdict, Witness},
};

/// Leave for one call. All clones are the same permit.
pub trait Permit: Clone + Send + Sync + 'static {
    /// Lets the call go, which must then be sent at once; an error says what becomes of the job.
    fn begin(&self) -> impl Future<Output = Result<(), JobError>> + Send;
    /// Tells how the call ended; what the job has to know of it.
    fn end(&self, end: CallEnd<'_>) -> impl Future<Output = Verdict> + Send;
    /// Says what a free look at the provider has shown about the account.
    fn testify(&self, found: Witness, reason: &str) -> impl Future<Output = ()> + Send;
}

impl Permit for Call {
    async fn begin(&self) -> Result<(), JobError> {
        Self::begin(self).await
    }

    async fn end(&self, end: CallEnd<'_>) -> Verdict {
        Self::end(self, end).await
    }

    async fn testify(&self, found: Witness, reason: &str) {
        Self::testify(self, found, reason).await;
    }
}

/// Where an attempt keeps its finished work.
pub(super) trait Attempt: Sync {
    /// What lets its calls go.
    type Permit: Permit;

    /// The job.
    fn job_id(&self) -> JobId;
    /// Which attempt this is, from 1.
    fn number(&self) -> u32;
    /// The permit for its next call, for which the provider counts `tokens` up front.
    fn permit(&self, tokens: u32) -> Self::Permit;
    /// What this and earlier attempts have recorded, by name.
    fn checkpoints(&self) -> impl Future<Output = Result<BTreeMap<String, String>, JobError>> + Send;
    /// Records `value` under `name`, in place of what stood there, and the progress in percent.
    fn checkpoint(&self, name: &str, value: &str, progress: u8) -> impl Future<Output = Result<(), JobError>> + Send;
}

impl Attempt for JobContext {
    type Permit = Call;

    fn job_id(&self) -> JobId {
        self.id()
    }

    fn number(&self) -> u32 {
        self.attempt()
    }

    fn permit(&self, tokens: u32) -> Call {
        self.call(tokens)
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, String>, JobError> {
        Self::checkpoints(self).await
    }

    async fn checkpoint(&self, name: &str, value: &str, progress: u8) -> Result<(), JobError> {
        Self::checkpoint(self, name, value, progress).await
    }
}
