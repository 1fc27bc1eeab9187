//! A job as an operator sees it: all but what its user has written, and what that came to.

use serde::{Deserialize, Serialize};

use super::{IndexedJob, Queue};
use crate::{
    job::{JobId, QueueName},
    redis::UnavailableError,
};

/// All that is known of a job, in sizes where it is a learner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetail {
    /// The job as indexes tell of it.
    pub job: IndexedJob,
    /// The lane that it waits in.
    pub lane: String,
    /// Work done, in percent.
    pub progress: u8,
    /// The worker that holds it, or held it last.
    pub worker: Option<String>,
    /// When its last attempt began, in ms since the Unix epoch.
    pub started_at_ms: Option<u64>,
    /// When it must have ended; `None` where it has.
    pub deadline_ms: Option<u64>,
    /// How long it is kept, in ms; `None` until it has ended.
    pub kept_for_ms: Option<u64>,
    /// It waits for the same work of another job.
    pub follows: bool,
    /// The job whose result is its own.
    pub result_of: Option<String>,
    /// Bytes of what is to be done.
    pub payload_bytes: u64,
    /// Bytes of what it came to, where that is its own.
    pub result_bytes: u64,
    /// Finished pieces of work.
    pub checkpoints: u64,
    /// Jobs that wait for its result.
    pub followers: u64,
    /// Failed attempts, oldest first: the newest 50.
    pub attempts: Vec<FailedAttempt>,
}

/// An attempt that did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// Who made it.
    #[serde(default)]
    pub worker: String,
    /// When it began, in ms since the Unix epoch.
    pub started: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// The stable code.
    #[serde(default)]
    pub code: String,
    /// What people read.
    #[serde(default)]
    pub message: String,
    /// The error with its causes, for operators.
    #[serde(default)]
    pub error: Option<String>,
}

type Known = [Option<String>; 6];
type Reply = (Known, u64, u64, u64, u64, u64, Vec<String>, i64, Option<f64>);

impl Queue {
    /// All that is known of a job; `None` where it is not known (any more), or not readable.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn inspect(&self, id: JobId) -> Result<Option<JobDetail>, UnavailableError> {
        match self.read_detail(id).await {
            Err(error) if error.is_wrong_type() => Ok(None),
            read => read,
        }
    }

    async fn read_detail(&self, id: JobId) -> Result<Option<JobDetail>, UnavailableError> {
        let Some(job) = self.look_up(&[id]).await?.pop() else { return Ok(None) };
        let (keys, key) = (&self.keys, self.keys.job(id));
        let queue = job.queue.unwrap_or(QueueName::Ai);
        let mut read = redis::pipe();
        read.hmget(&key, &["lane", "progress", "worker", "started", "follows", "result_of"]);
        for field in ["payload", "result"] {
            read.cmd("HSTRLEN").arg(&key).arg(field);
        }
        read.strlen(keys.result(id)).hlen(keys.checkpoints(id)).zcard(keys.followers(id));
        read.lrange(keys.attempts(id), 0, -1).pttl(&key).zscore(keys.deadlines(queue.as_str()), id.to_string());
        let (known, payload_bytes, inline, apart, checkpoints, followers, attempts, ttl, deadline): Reply =
            self.redis.query(&read).await?;
        let [lane, progress, worker, started, follows, result_of] = known;
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(Some(JobDetail {
            job,
            lane: lane.unwrap_or_default(),
            progress: progress.and_then(|progress| progress.parse().ok()).unwrap_or_default(),
            worker,
            started_at_ms: number(started),
            deadline_ms: deadline.and_then(|deadline| format!("{deadline:.0}").parse().ok()),
            kept_for_ms: u64::try_from(ttl).ok(),
            follows: follows.is_some(),
            result_of,
            payload_bytes,
            result_bytes: inline.max(apart),
            checkpoints,
            followers,
            attempts: attempts.iter().filter_map(|attempt| serde_json::from_str(attempt).ok()).collect(),
        }))
    }
}
