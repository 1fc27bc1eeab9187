//! Every key, as `docs/REDIS_KEYS.md` describes them.
//!
//! All keys begin with the root `{prefix}`: the braces are a hash tag, so that Redis Cluster keeps them in one slot and
//! scripts may touch them together. Scripts get the root in `KEYS[1]` and build the same names in `queue/keys.lua`.

use crate::{
    job::{JobId, Lane, Priority},
    limiter::Group,
};

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

    /// Hash: what is known of a server's key, with the digest of its secret.
    #[must_use]
    pub fn api_key(&self, id: &str) -> String {
        format!("{}:api_key:{id}", self.root)
    }

    /// Sorted set: the ids of all servers' keys, by the time at which they were made.
    #[must_use]
    pub fn api_keys(&self) -> String {
        format!("{}:api_keys", self.root)
    }

    /// Sorted set: the newest jobs of a user, by the time at which they were accepted.
    #[must_use]
    pub fn jobs_of(&self, user: &str) -> String {
        format!("{}:jobs_of:{user}", self.root)
    }

    /// Hash: what a user did.
    #[must_use]
    pub fn user(&self, user: &str) -> String {
        format!("{}:user:{user}", self.root)
    }

    /// Sorted set: the users that something is known of, by the time at which they were seen last.
    #[must_use]
    pub fn users(&self) -> String {
        format!("{}:users", self.root)
    }

    /// List: the times of the requests of a user or an address that count for a limit.
    #[must_use]
    pub fn requests(&self, limit: &str, subject: &str) -> String {
        format!("{}:asked_at:{limit}:{subject}", self.root)
    }

    /// Hash: pieces of work that need not be done again. Gone when the job has ended well.
    #[must_use]
    pub fn checkpoints(&self, id: JobId) -> String {
        format!("{}:checkpoints:{id}", self.root)
    }

    /// String: the recording that came with the job. Gone when the job has ended.
    #[must_use]
    pub fn recording(&self, id: JobId) -> String {
        format!("{}:recording:{id}", self.root)
    }

    /// List: the failed attempts, oldest first. Gone when the job has ended well.
    #[must_use]
    pub fn attempts(&self, id: JobId) -> String {
        format!("{}:attempts:{id}", self.root)
    }

    /// String: what a job came to whose work others may want too, apart from the job.
    #[must_use]
    pub fn result(&self, id: JobId) -> String {
        format!("{}:result:{id}", self.root)
    }

    /// Sorted set: the jobs that wait for the result of this one, by the time at which they were accepted.
    #[must_use]
    pub fn followers(&self, id: JobId) -> String {
        format!("{}:followers:{id}", self.root)
    }

    /// Channel: the id of each job that is ended while a worker holds it, by someone else.
    #[must_use]
    pub fn revoked(&self, queue: &str) -> String {
        self.of_queue("revoked", queue)
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

    /// Sorted set: the jobs of a lane and class that wait for a worker, by their rank in the class.
    #[must_use]
    pub fn waiting(&self, queue: &str, lane: &Lane, class: Priority) -> String {
        format!("{}:waiting:{queue}:{lane}:{class}", self.root)
    }

    /// Sorted set: the workers that take jobs of a queue, by when each is taken for gone.
    #[must_use]
    pub fn workers(&self, queue: &str) -> String {
        self.of_queue("workers", queue)
    }

    /// Hash: what a worker says of itself.
    #[must_use]
    pub fn worker(&self, worker: &str) -> String {
        format!("{}:worker:{worker}", self.root)
    }

    /// Hash: the clocks of a queue's classes, and whether the queue is paused.
    #[must_use]
    pub fn order(&self, queue: &str) -> String {
        self.of_queue("order", queue)
    }

    /// Sorted set: the rank that the next job of each user of a class gets.
    #[must_use]
    pub fn shares(&self, queue: &str, class: Priority) -> String {
        format!("{}:shares:{queue}:{class}", self.root)
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

    /// Hash: which Redis knows of every permit, and why and until when none is given.
    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{}:epoch", self.root)
    }

    /// Hash: the kill switch, and the limits of the budget that an operator has set.
    #[must_use]
    pub fn budget(&self) -> String {
        format!("{}:budget", self.root())
    }

    /// Hash: the limits in force of a group and where they stand.
    #[must_use]
    pub fn limiter(&self, group: &Group) -> String {
        self.of_group("limiter", group)
    }

    /// Hash: the limits that an operator has set for a group.
    #[must_use]
    pub fn limits(&self, group: &Group) -> String {
        self.of_group("limits", group)
    }

    /// Sorted set: the limits that live workers announce, by the time at which each announcement lapses.
    #[must_use]
    pub fn announced(&self, group: &Group) -> String {
        self.of_group("announced", group)
    }

    /// Hash: what was learned about the parameters that the models of a group accept, by address.
    #[must_use]
    pub fn parameters(&self, group: &Group) -> String {
        self.of_group("parameters", group)
    }

    /// Hash: what the provider says of the model of a group.
    #[must_use]
    pub fn model_finding(&self, group: &Group) -> String {
        self.of_group("model", group)
    }

    /// String: one worker with these settings has asked about its model.
    #[must_use]
    pub fn model_check(&self, settings: &str) -> String {
        format!("{}:model_check:{settings}", self.root)
    }

    /// Sorted set: the permits in the window, by the time that they count from.
    #[must_use]
    pub fn permits(&self, group: &Group) -> String {
        self.of_group("permits", group)
    }

    /// Sorted set: jobs that hold a slot of the upstream, by the end of their lease.
    #[must_use]
    pub fn in_flight(&self, group: &Group) -> String {
        self.of_group("inflight", group)
    }

    /// Hash: a provider's circuit breaker; none while it is closed.
    #[must_use]
    pub fn breaker(&self, provider: &str) -> String {
        format!("{}:breaker:{provider}", self.root)
    }

    /// Sorted set: the failed calls that count for a provider's breaker, by time.
    #[must_use]
    pub fn failures(&self, provider: &str) -> String {
        format!("{}:failures:{provider}", self.root)
    }

    /// Hash: counters of the whole fleet.
    #[must_use]
    pub fn metrics(&self) -> String {
        format!("{}:metrics", self.root)
    }

    /// Never there: whoever deletes it asks whether writes are taken.
    #[must_use]
    pub fn probe(&self) -> String {
        format!("{}:probe", self.root)
    }

    fn of_group(&self, name: &str, group: &Group) -> String {
        format!("{}:{name}:{}", self.root, group.as_str())
    }

    fn of_queue(&self, name: &str, queue: &str) -> String {
        format!("{}:{name}:{queue}", self.root)
    }
}
