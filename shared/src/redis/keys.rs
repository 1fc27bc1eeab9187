//! Every key, as `docs/REDIS_KEYS.md` describes them.
//!
//! All keys begin with the root `{prefix}`: the braces are a hash tag, so that Redis Cluster keeps them in one slot and
//! scripts may touch them together. Scripts get the root in `KEYS[1]` and build the same names in `queue/keys.lua`.

use crate::job::{JobId, Lane};

/// Names the keys below one prefix. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    root: String,
}

impl Keys {
    /// The keys below `prefix` (`QUEUE_PREFIX`).
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { root: format!("{{{prefix}}}") }
    }

    /// What every key begins with; `KEYS[1]` of every script.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Hash: what is known of a job, with its payload until it has ended well, and then its result.
    #[must_use]
    pub fn job(&self, id: JobId) -> String {
        format!("{}:job:{id}", self.root)
    }

    /// Hash: pieces of work that need not be done again. Gone when the job has ended well.
    #[must_use]
    pub fn checkpoints(&self, id: JobId) -> String {
        format!("{}:checkpoints:{id}", self.root)
    }

    /// List: the failed attempts, oldest first. Gone when the job has ended well.
    #[must_use]
    pub fn attempts(&self, id: JobId) -> String {
        format!("{}:attempts:{id}", self.root)
    }

    /// Channel: a message whenever the job changes its state or makes progress.
    #[must_use]
    pub fn events(&self, id: JobId) -> String {
        format!("{}{id}", self.events_prefix())
    }

    /// What the channels of all jobs begin with.
    #[must_use]
    pub fn events_prefix(&self) -> String {
        format!("{}:events:", self.root)
    }

    /// Sorted set: the jobs of a lane that wait for a worker, by the time at which they were accepted.
    #[must_use]
    pub fn waiting(&self, queue: &str, lane: &Lane) -> String {
        format!("{}:waiting:{queue}:{lane}", self.root)
    }

    /// Sorted set of at most one member: a marker that wakes one idle worker.
    #[must_use]
    pub fn wake(&self, queue: &str, lane: &Lane) -> String {
        format!("{}:wake:{queue}:{lane}", self.root)
    }

    /// Sorted set: jobs that wait for a time, by that time.
    #[must_use]
    pub fn scheduled(&self, queue: &str) -> String {
        self.of_queue("scheduled", queue)
    }

    /// Sorted set: jobs that a worker holds, by the end of the lease.
    #[must_use]
    pub fn leases(&self, queue: &str) -> String {
        self.of_queue("leases", queue)
    }

    /// Sorted set: every job that has not ended, by its deadline.
    #[must_use]
    pub fn deadlines(&self, queue: &str) -> String {
        self.of_queue("deadlines", queue)
    }

    /// Sorted set: dead letters, by the time of death.
    #[must_use]
    pub fn dead(&self, queue: &str) -> String {
        self.of_queue("dead", queue)
    }

    /// Sorted set: jobs that were completed or cancelled, by that time.
    #[must_use]
    pub fn done(&self, queue: &str) -> String {
        self.of_queue("done", queue)
    }

    fn of_queue(&self, name: &str, queue: &str) -> String {
        format!("{}:{name}:{queue}", self.root)
    }
}
