//! Pausing a queue for the whole fleet.

use super::Queue;
use crate::{job::QueueName, redis::UnavailableError};

impl Queue {
    /// Stops the giving out of jobs: those that run go on, new ones are accepted and wait.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn pause(&self, queue: QueueName) -> Result<(), UnavailableError> {
        let mut pause = redis::pipe();
        pause.hset(self.keys.order(queue.as_str()), "paused", 1).ignore();
        self.redis.query(&pause).await
    }

    /// Ends a pause; workers notice within their fallback poll.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn resume(&self, queue: QueueName) -> Result<(), UnavailableError> {
        let mut resume = redis::pipe();
        resume.hdel(self.keys.order(queue.as_str()), "paused").ignore();
        self.redis.query(&resume).await
    }

    /// Whether it is paused.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn is_paused(&self, queue: QueueName) -> Result<bool, UnavailableError> {
        let mut ask = redis::pipe();
        ask.hexists(self.keys.order(queue.as_str()), "paused");
        Ok(self.redis.query::<(bool,)>(&ask).await?.0)
    }
}
