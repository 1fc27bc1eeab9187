//! How many jobs of a queue stand where.

use std::time::Duration;

use super::Queue;
use crate::{
    job::QueueName,
    redis::{LuaScript, UnavailableError, lua_script, millis},
};

static FIGURES: LuaScript = lua_script!("queue/figures");

/// Jobs of one queue, all counted at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueFigures {
    /// When they were counted, by Redis' clock, in ms since the Unix epoch.
    pub at_ms: u64,
    /// Jobs that could run: they wait for a worker, or for the same work of another job.
    pub waiting: u64,
    /// Jobs that a worker holds.
    pub active: u64,
    /// Jobs that wait for a time.
    pub delayed: u64,
    /// Jobs that were completed, or cancelled, and are still kept.
    pub completed: u64,
    /// Dead letters.
    pub failed: u64,
    /// Jobs that were completed or cancelled lately.
    pub completed_lately: u64,
    /// Jobs that became dead letters lately.
    pub failed_lately: u64,
    /// Jobs that ended, however, within the last minute.
    pub ended_last_minute: u64,
    /// Whether the queue is paused.
    pub paused: bool,
    /// The age of the oldest job that has not ended, in ms.
    pub oldest_ms: u64,
    /// Workers that were lost within the last ten minutes.
    pub workers_lost: u64,
}

impl QueueFigures {
    /// All jobs that are known.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.waiting + self.active + self.delayed + self.completed + self.failed
    }

    /// Jobs that have not ended and that no worker holds.
    #[must_use]
    pub const fn in_line(&self) -> u64 {
        self.waiting + self.delayed
    }
}

impl Queue {
    /// Counts the jobs of `queue`; `lately` is the time in which what has ended counts as having ended lately.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn figures(&self, queue: QueueName, lately: Duration) -> Result<QueueFigures, UnavailableError> {
        let mut call = FIGURES.call();
        call.key(self.keys.root()).arg(queue.as_str()).arg(millis(lately));
        let reply: Vec<String> = self.redis.run(&call).await?;
        let mut words = reply.into_iter().skip(1);
        let mut next = || words.next().unwrap_or_default();
        let mut count = || next().parse().unwrap_or_default();
        let (unfinished, active, delayed): (u64, u64, u64) = (count(), count(), count());
        let (completed, failed) = (count(), count());
        let (completed_lately, failed_lately, ended_last_minute) = (count(), count(), count());
        let paused = count() == 1;
        let first: f64 = next().parse().unwrap_or(-1.0);
        let mut count = || next().parse().unwrap_or_default();
        let (now, workers_lost): (u64, u64) = (count(), count());
        // Deadlines are all equally far from the time of acceptance.
        let deadline = if first < 0.0 { None } else { Duration::try_from_secs_f64(first / 1_000.0).ok().map(millis) };
        let accepted = deadline.map(|deadline| deadline.saturating_sub(millis(self.jobs.deadline())));
        Ok(QueueFigures {
            at_ms: now,
            waiting: unfinished.saturating_sub(active + delayed),
            active,
            delayed,
            completed,
            failed,
            completed_lately,
            failed_lately,
            ended_last_minute,
            paused,
            oldest_ms: accepted.map_or(0, |accepted| now.saturating_sub(accepted)),
            workers_lost,
        })
    }
}
