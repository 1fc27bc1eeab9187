//! Dead letters: jobs that failed for good, put back by people, or removed.
//!
//! A letter is named by its job and the time of its end: a job that was put back and failed anew is another letter. Each script call sees
//! to some letters, one after the other; leaving `dead` decides who has seen to one. So it may be done by several at once, be cut off
//! anywhere and begun again, and no letter is put back twice.

mod purge;
mod requeue;

pub use purge::Purged;
pub use requeue::{Requeue, Requeued};

use crate::{
    job::{JobId, QueueName},
    queue::Queue,
    redis::{LuaScript, UnavailableError, millis},
};

/// Shows dead letters, puts them back and removes them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    queue: Queue,
}

/// A dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Its job.
    pub id: JobId,
    /// When that ended, in ms since the Unix epoch; whenever it did, where `None`.
    pub ended_at_ms: Option<u64>,
}

impl DeadLetters {
    /// Letters that one step sees to at most: Redis does nothing else meanwhile.
    pub const STEP: usize = 100;

    /// The dead letters of the jobs in `queue`.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }

    /// How many there are in `queue`.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn count(&self, queue: QueueName) -> Result<u64, UnavailableError> {
        let mut count = redis::pipe();
        count.zcard(self.queue.keys.dead(queue.as_str()));
        Ok(self.queue.redis.query::<(u64,)>(&count).await?.0)
    }

    /// Runs a script on some letters, with its settings before them. The words of its answer.
    async fn see_to(
        &self,
        script: &LuaScript,
        queue: QueueName,
        settings: &[String],
        letters: &[Letter],
    ) -> Result<Vec<String>, UnavailableError> {
        let jobs = &self.queue.jobs;
        let mut call = script.call();
        call.key(self.queue.keys.root())
            .arg(queue.as_str())
            .arg(millis(jobs.completed_ttl()))
            .arg(millis(jobs.dead_ttl()))
            .arg(settings);
        for letter in letters {
            call.arg(letter.id.to_string()).arg(letter.ended_at_ms.map(|ms| ms.to_string()).unwrap_or_default());
        }
        let reply: Vec<String> = self.queue.redis.run(&call).await?;
        Ok(reply.into_iter().skip(1).collect())
    }
}
