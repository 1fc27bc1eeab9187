//! Accepting a job.

use std::time::Duration;

use super::Queue;
use crate::{
    budget::Hold,
    job::{JobId, Kind, Priority},
    redis::{LuaScript, UnavailableError, millis},
};

static ENQUEUE: LuaScript = LuaScript::new(concat!(
    include_str!("keys.lua"),
    include_str!("line.lua"),
    include_str!("rank.lua"),
    include_str!("../budget/budget.lua"),
    include_str!("enqueue.lua")
));

/// A job to be accepted.
#[derive(Debug, Clone)]
pub struct NewJob<K> {
    /// What is to be done.
    pub payload: K,
    /// Who asks for it.
    pub user: String,
    /// Not before this long from now.
    pub delay: Duration,
    /// How urgent it is.
    pub priority: Priority,
}

impl<K> NewJob<K> {
    /// A job that someone waits for, to be done as soon as may be.
    #[must_use]
    pub fn new(payload: K, user: impl Into<String>) -> Self {
        Self { payload, user: user.into(), delay: Duration::ZERO, priority: Priority::Interactive }
    }
}

/// Why a job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// As many jobs as `QUEUE_MAX_WAITING` are unfinished already.
    #[error("the queue is full: {unfinished} jobs have not ended")]
    Full {
        /// How many.
        unfinished: u64,
    },
    /// An operator has thrown the kill switch of the budget.
    #[error("no job is accepted: {reason}")]
    Killed {
        /// Why, in the operator's words.
        reason: String,
    },
    /// The job could overrun the budget.
    #[error("the job could overrun the budget: {limit}")]
    OverBudget {
        /// Which limit: `user_tokens`, `user_money`, `fleet_tokens` or `fleet_money`.
        limit: String,
        /// When it begins anew, in ms since the Unix epoch.
        anew_at_ms: u64,
    },
    /// The payload has no JSON form.
    #[error("the payload can't be encoded")]
    Encode(#[from] serde_json::Error),
    /// Redis did not answer. The job may have been accepted all the same.
    #[error(transparent)]
    Unavailable(#[from] UnavailableError),
}

impl Queue {
    /// Accepts a job. When this returns `Ok`, the job is in Redis and will end.
    ///
    /// # Errors
    ///
    /// When the queue is full, the budget does not allow it, or Redis does not answer.
    pub async fn enqueue<K: Kind>(&self, job: &NewJob<K>) -> Result<JobId, EnqueueError> {
        let id = JobId::new();
        let payload = serde_json::to_vec(&job.payload)?;
        let tokens = job.payload.tokens();
        let hold = self.allowance.hold(tokens);
        let mut call = ENQUEUE.call();
        call.key(self.keys.root())
            .arg(K::QUEUE.as_str())
            .arg(id.to_string())
            .arg(K::NAME)
            .arg(K::lane().as_str())
            .arg(&job.user)
            .arg(payload)
            .arg(millis(job.delay))
            .arg(millis(self.jobs.deadline()))
            .arg(self.jobs.job_max_attempts)
            .arg(self.jobs.queue_max_waiting)
            .arg(job.priority.as_str())
            .arg(tokens);
        if hold != Hold::default() {
            call.arg(hold.tokens).arg(hold.micros).arg(&self.allowance.limits.in_order());
        }
        let reply: Vec<String> = self.redis.run(&call).await?;
        let number = |text: &str| text.parse().unwrap_or_default();
        match reply.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["full", unfinished] => Err(EnqueueError::Full { unfinished: number(unfinished) }),
            ["killed", reason] => Err(EnqueueError::Killed { reason: (*reason).to_owned() }),
            ["over", limit, anew_at] => {
                Err(EnqueueError::OverBudget { limit: (*limit).to_owned(), anew_at_ms: number(anew_at) })
            }
            _ => Ok(id),
        }
    }
}
