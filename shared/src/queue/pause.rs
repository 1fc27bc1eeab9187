//! Pausing a queue for the whole fleet.

use crate::{
    job::QueueName,
    redis::{Keys, RedisPool, UnavailableError},
};

/// Stops the giving out of jobs: those that run go on, new ones are accepted and wait.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn pause_queue(redis: &RedisPool, keys: &Keys, queue: QueueName) -> Result<(), UnavailableError> {
    let mut pause = redis::pipe();
    pause.hset(keys.order(queue.as_str()), "paused", 1).ignore();
    redis.query(&pause).await
}

/// Ends a pause; workers notice within their fallback poll.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn resume_queue(redis: &RedisPool, keys: &Keys, queue: QueueName) -> Result<(), UnavailableError> {
    let mut resume = redis::pipe();
    resume.hdel(keys.order(queue.as_str()), "paused").ignore();
    redis.query(&resume).await
}

/// A queue as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueStatus {
    /// Whether it is paused.
    pub paused: bool,
    /// Jobs that wait for a worker or for a time.
    pub waiting: u64,
}

/// Reads where a queue stands.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn queue_status(redis: &RedisPool, keys: &Keys, queue: QueueName) -> Result<QueueStatus, UnavailableError> {
    let queue = queue.as_str();
    let mut ask = redis::pipe();
    ask.hexists(keys.order(queue), "paused").zcard(keys.deadlines(queue)).zcard(keys.leases(queue));
    let (paused, unfinished, active): (bool, u64, u64) = redis.query(&ask).await?;
    Ok(QueueStatus { paused, waiting: unfinished.saturating_sub(active) })
}
