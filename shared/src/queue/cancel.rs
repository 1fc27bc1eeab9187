//! Ending a job by request.

use super::Queue;
use crate::{
    job::{JobId, JobState, QueueName},
    redis::{LuaScript, UnavailableError, lua_script, millis},
};

static CANCEL: LuaScript = lua_script!("queue/cancel");

/// What a cancel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job has ended. Where a worker had it, that worker is told.
    Done,
    /// It had ended before, in this state.
    Ended(JobState),
    /// There is no such job.
    Unknown,
}

impl Queue {
    /// Cancels a job wherever it stands. One that waits never starts; one that runs is aborted in its worker.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn cancel(&self, queue: QueueName, id: JobId) -> Result<Cancelled, UnavailableError> {
        let mut call = CANCEL.call();
        call.key(self.keys.root())
            .arg(queue.as_str())
            .arg(id.to_string())
            .arg(millis(self.jobs.completed_ttl()))
            .arg(millis(self.jobs.dead_ttl()))
            .arg("job_cancelled")
            .arg("Job cancelled");
        let reply: Vec<String> = self.redis.run(&call).await?;
        Ok(match reply.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["cancelled"] => Cancelled::Done,
            ["ended", state] => state.parse().map_or(Cancelled::Unknown, Cancelled::Ended),
            _ => Cancelled::Unknown,
        })
    }
}
