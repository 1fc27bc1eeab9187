//! The recording beside a job, in a key of its own: whoever looks at the job need not move it.
//!
//! `enqueue.lua` keeps it in the step that accepts the job, `close_books` and `drop_remains` in `bury.lua` drop it, whatever the
//! end, and this reads it: nothing else knows where it is, so that a bucket can take the place of Redis.

use bytes::Bytes;

use super::JobContext;
use crate::job::JobError;

/// The job failed because its recording is gone.
const GONE: &str = "recording_gone";

impl JobContext {
    /// The recording that came with the job.
    ///
    /// # Errors
    ///
    /// A permanent one when there is none: recordings are dropped when their jobs end, so that a dead letter has none any
    /// more. When Redis does not answer, the attempt is made again.
    pub async fn recording(&self) -> Result<Bytes, JobError> {
        let mut read = redis::pipe();
        read.get(self.keys.recording(self.id));
        match self.redis.query::<(Option<Bytes>,)>(&read).await {
            Ok((Some(recording),)) => Ok(recording),
            Ok((None,)) => Err(JobError::fail(GONE, "The recording is no longer there: send it once more")),
            Err(error) => Err(JobError::retry("redis_unavailable", "Redis is away").with_source(error)),
        }
    }
}
