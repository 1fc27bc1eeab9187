//! Looking through the jobs of a queue, whoever has asked for them.

use redis::{RedisError, Value, from_redis_value};

use super::Queue;
use crate::{
    job::{JobId, JobState, QueueName},
    redis::{LuaScript, UnavailableError, lua_script},
};

static INDEX_PAGE: LuaScript = lua_script!("queue/index_page");

/// What is read of each job, in the order of [`IndexedJob::read`].
const FIELDS: [&str; 13] = [
    "state", "kind", "user", "class", "attempts", "max", "created", "ended", "run_at", "code", "message", "requeued",
    "queue",
];

/// Which jobs of a queue are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobIndex {
    /// Those that have not ended, by their deadline.
    Unfinished,
    /// Those that were completed or cancelled, by the time of that.
    Done,
    /// Dead letters, by the time of their end.
    Dead,
}

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOrder {
    /// Those of the least time.
    Oldest,
    /// Those of the greatest.
    Newest,
}

/// A part of an index, and the place in it that was come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpan {
    /// The index.
    pub index: JobIndex,
    /// Which come first.
    pub order: JobOrder,
    /// Not before this time, in ms since the Unix epoch.
    pub since_ms: Option<u64>,
    /// Not after this time.
    pub until_ms: Option<u64>,
    /// The last one that was seen: time and job.
    pub after: Option<(u64, String)>,
}

/// What is known of a job in an index; what is not, or is not readable, is `None`. Nothing of it is a learner's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedJob {
    /// Its name in the index.
    pub name: String,
    /// Its time in the index, in ms since the Unix epoch.
    pub at_ms: u64,
    /// Where it stands.
    pub state: Option<JobState>,
    /// The kind's stable name.
    pub kind: String,
    /// Who asked for it.
    pub user: String,
    /// How urgent it is.
    pub class: String,
    /// Attempts started so far.
    pub attempts: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// When it was accepted, in ms since the Unix epoch.
    pub created_at_ms: Option<u64>,
    /// When it ended, where it has.
    pub ended_at_ms: Option<u64>,
    /// When it is due, where it waits for that.
    pub run_at_ms: Option<u64>,
    /// The code of its last failure, or ''.
    pub code: String,
    /// What people read of that, or ''.
    pub message: String,
    /// How often it was put back.
    pub requeued: u32,
    /// Its queue, as the job says.
    pub queue: Option<QueueName>,
}

impl IndexedJob {
    fn read(name: String, at_ms: u64, mut fields: impl Iterator<Item = String>) -> Self {
        let mut next = || fields.next().unwrap_or_default();
        Self {
            name,
            at_ms,
            state: next().parse().ok(),
            kind: next(),
            user: next(),
            class: next(),
            attempts: next().parse().unwrap_or_default(),
            max_attempts: next().parse().unwrap_or_default(),
            created_at_ms: next().parse().ok(),
            ended_at_ms: next().parse().ok(),
            run_at_ms: next().parse().ok(),
            code: next(),
            message: next(),
            requeued: next().parse().unwrap_or_default(),
            queue: QueueName::from_name(&next()),
        }
    }

    /// Its id, where its name is one.
    #[must_use]
    pub fn id(&self) -> Option<JobId> {
        self.name.parse().ok()
    }
}

/// Some jobs of an index.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// When they were looked at, by Redis' clock, in ms since the Unix epoch.
    pub now_ms: u64,
    /// The jobs, in order.
    pub jobs: Vec<IndexedJob>,
    /// Whether there may be more.
    pub more: bool,
}

impl JobSpan {
    /// All of an index.
    #[must_use]
    pub const fn all(index: JobIndex, order: JobOrder) -> Self {
        Self { index, order, since_ms: None, until_ms: None, after: None }
    }
}

impl Queue {
    /// Most entries that a page has.
    pub const PAGE_MAX: usize = 500;

    /// The next page of a part of an index of `queue`, of at most `most` jobs (500 at most); `span` has come to its end then. Changes
    /// nothing in Redis.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn next_page(
        &self,
        queue: QueueName,
        span: &mut JobSpan,
        most: usize,
    ) -> Result<IndexPage, UnavailableError> {
        let most = most.clamp(1, Self::PAGE_MAX);
        let score = |ms: Option<u64>, none: &str| ms.map_or_else(|| none.to_owned(), |ms| ms.to_string());
        let (at, after) = span.after.as_ref().map_or((String::new(), ""), |(at, id)| (at.to_string(), id.as_str()));
        let mut call = INDEX_PAGE.call();
        call.key(self.keys.root())
            .arg(queue.as_str())
            .arg(match span.index {
                JobIndex::Unfinished => "deadlines",
                JobIndex::Done => "done",
                JobIndex::Dead => "dead",
            })
            .arg(if span.order == JobOrder::Newest { "newest" } else { "oldest" })
            .arg(at)
            .arg(after)
            .arg(score(span.since_ms, "-inf"))
            .arg(score(span.until_ms, "+inf"))
            .arg(most)
            .arg(&FIELDS);
        let reply: Vec<Value> = self.redis.run(&call).await?;
        let page = read(reply, most)?;
        if let Some(last) = page.jobs.last() {
            span.after = Some((last.at_ms, last.name.clone()));
        }
        Ok(page)
    }
}

type Fields = [Option<Vec<u8>>; FIELDS.len()];

impl Queue {
    /// What is known of these jobs, in whatever index they are; those that are not known are left out. The time of each is that of its
    /// end, or else of its acceptance.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn look_up(&self, ids: &[JobId]) -> Result<Vec<IndexedJob>, UnavailableError> {
        let mut jobs = Vec::with_capacity(ids.len());
        for some in ids.chunks(Self::PAGE_MAX) {
            let mut read = redis::pipe();
            for id in some {
                read.hmget(self.keys.job(*id), &FIELDS);
            }
            let rows: Vec<Fields> = self.redis.query(&read).await?;
            for (id, row) in some.iter().zip(rows) {
                let text = |field: Option<Vec<u8>>| String::from_utf8_lossy(&field.unwrap_or_default()).into_owned();
                let mut job = IndexedJob::read(id.to_string(), 0, row.into_iter().map(text));
                job.at_ms = job.ended_at_ms.or(job.created_at_ms).unwrap_or_default();
                jobs.extend(job.state.is_some().then_some(job));
            }
        }
        Ok(jobs)
    }
}

fn read(reply: Vec<Value>, most: usize) -> Result<IndexPage, RedisError> {
    let mut reply = reply.into_iter().skip(1);
    let now_ms = from_redis_value::<u64>(reply.next().unwrap_or(Value::Nil))?;
    let mut jobs = Vec::new();
    for row in reply {
        // Bytes, since a stored job may be damaged in any way.
        let row: Vec<Vec<u8>> = from_redis_value(row)?;
        let mut row = row.into_iter().map(|field| String::from_utf8_lossy(&field).into_owned());
        let (name, at_ms) = (row.next().unwrap_or_default(), row.next().and_then(|at| at.parse().ok()));
        jobs.push(IndexedJob::read(name, at_ms.unwrap_or_default(), row));
    }
    Ok(IndexPage { now_ms, more: jobs.len() == most, jobs })
}
