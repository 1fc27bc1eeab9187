//! The way in for everyone who is not a worker.

use super::intake::Intake;
use crate::{
    budget::Allowance,
    config::JobsConfig,
    redis::{Keys, RedisPool},
};

/// Accepts jobs and answers for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(crate) redis: RedisPool,
    pub(crate) keys: Keys,
    pub(crate) jobs: JobsConfig,
    pub(super) allowance: Allowance,
    pub(super) intake: Intake,
}

impl Queue {
    /// A client of the queues below `prefix` (`QUEUE_PREFIX`).
    #[must_use]
    pub fn new(redis: RedisPool, prefix: &str, jobs: JobsConfig) -> Self {
        Self { redis, keys: Keys::new(prefix), jobs, allowance: Allowance::default(), intake: Intake::default() }
    }

    /// The same, which holds jobs to a budget.
    #[must_use]
    pub fn with_budget(self, allowance: Allowance) -> Self {
        // What waits here goes by the old one.
        Self { allowance, intake: Intake::default(), ..self }
    }
}
