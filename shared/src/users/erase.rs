//! Erasing what is kept of a user.
//!
//! Jobs are found by the queue's indexes, which know each job that is kept, and by the user's own list; results whose jobs are
//! gone by the cache and the list. Each step looks at one page of an index and ends before the next begins, so that nobody
//! waits for an erasing; it may be cut off anywhere and begun again.
//!
//! A result stays when a job of someone else has come to it, which is looked up when nobody can come to it anew: in `done`, which
//! has every completed job for `COMPLETED_TTL_SECONDS`, as the workers are configured. It names nobody.

use std::collections::HashSet;

use super::Users;
use crate::{
    job::{JobId, Priority, QueueName},
    queue::{Cancelled, Queue},
    redis::{LuaScript, UnavailableError, lua_script, millis},
    request_limits::OF_USERS,
};

static FIND: LuaScript = lua_script!("users/find");
static CACHED: LuaScript = lua_script!("users/cached");
static READERS: LuaScript = lua_script!("users/readers");
static ERASE_JOB: LuaScript = lua_script!("users/erase_job");
static FORGET: LuaScript = lua_script!("users/forget");

/// Where an index begins.
const FIRST: &str = "0";
/// About how many entries of an index one step looks at.
const PAGE: u32 = 200;
/// The indexes that know all jobs, those that have not ended first: what these come to must not be kept. At last the user's own
/// list, which also knows results whose jobs are gone.
const INDEXES: [&str; 4] = ["deadlines", "done", "dead", "jobs_of"];
/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Jobs.
    pub jobs: u64,
    /// Jobs of these that had not ended, and were cancelled.
    pub cancelled: u64,
    /// Results that others could have had.
    pub results: u64,
    /// Results that stay for their time, since a job of someone else has come to them.
    pub results_kept: u64,
}

/// A page of names, and where the next one begins.
struct Page {
    next: Option<String>,
    names: Vec<String>,
}

impl Page {
    fn read(reply: Vec<String>) -> Self {
        let mut reply = reply.into_iter().skip(1);
        let next = reply.next().filter(|next| next != "0");
        Self { next, names: reply.collect() }
    }
}

impl Users {
    /// Erases what is kept of `user`: jobs, in whatever state, with all that belongs to them, and activity. Work that others
    /// wait for, too, goes on for them. What the user spent today is forgotten when the day ends, a suspension stays, and what
    /// the user asks for meanwhile may be erased or not. Safe to repeat, also when it was cut off.
    ///
    /// # Errors
    ///
    /// When Redis does not answer: then some of it is erased, and the rest when it is done again.
    pub async fn erase(&self, user: &str) -> Result<Erased, UnavailableError> {
        let mut erasing = Erasing { users: self, user, erased: Erased::default(), results: HashSet::new() };
        for queue in QueueName::ALL {
            for index in INDEXES {
                erasing.jobs_in(queue, index).await?;
            }
        }
        erasing.cached_results().await?;
        let kept = erasing.results_of_others().await?;
        erasing.drop_results(&kept).await?;
        erasing.forget().await?;
        Ok(erasing.erased)
    }

    /// Cancels the jobs of `user` that have not ended. How many there were.
    ///
    /// # Errors
    ///
    /// When Redis does not answer: then some of them are cancelled.
    pub async fn cancel_jobs(&self, user: &str) -> Result<u64, UnavailableError> {
        let mut cancelled = 0;
        for queue in QueueName::ALL {
            let mut at = Some(FIRST.to_owned());
            while let Some(from) = at {
                let page = self.found(queue, "deadlines", user, &from).await?;
                for id in page.names.iter().filter_map(|id| id.parse().ok()) {
                    cancelled += u64::from(self.queue.cancel(queue, id).await? == Cancelled::Done);
                }
                at = page.next;
            }
        }
        Ok(cancelled)
    }

    async fn found(&self, queue: QueueName, index: &str, user: &str, from: &str) -> Result<Page, UnavailableError> {
        let mut call = FIND.call();
        call.key(self.queue.keys.root()).arg(queue.as_str()).arg(user).arg(index).arg(from).arg(PAGE);
        self.queue.redis.run(&call).await.map(Page::read)
    }
}

/// An erasing that is under way.
struct Erasing<'a> {
    users: &'a Users,
    user: &'a str,
    erased: Erased,
    /// The jobs that are erased but for their results.
    results: HashSet<String>,
}

impl Erasing<'_> {
    async fn jobs_in(&mut self, queue: QueueName, index: &str) -> Result<(), UnavailableError> {
        let mut at = Some(FIRST.to_owned());
        while let Some(from) = at {
            let page = self.users.found(queue, index, self.user, &from).await?;
            for id in page.names {
                self.job(queue, &id, "").await?;
            }
            at = page.next;
        }
        Ok(())
    }

    /// Results that still answer for their work, of jobs that are gone.
    async fn cached_results(&mut self) -> Result<(), UnavailableError> {
        let Queue { redis, keys, .. } = &self.users.queue;
        let mut at = Some(FIRST.to_owned());
        while let Some(from) = at {
            let mut call = CACHED.call();
            call.key(keys.root()).arg("").arg(self.user).arg(from).arg(PAGE);
            let page = redis.run(&call).await.map(Page::read)?;
            for entry in page.names.chunks_exact(2) {
                self.job(QueueName::Ai, &entry[0], &entry[1]).await?;
            }
            at = page.next;
        }
        Ok(())
    }

    /// Erases a job but for its result, whatever it is doing.
    async fn job(&mut self, queue: QueueName, id: &str, digest: &str) -> Result<(), UnavailableError> {
        let Ok(job) = id.parse::<JobId>() else { return Ok(()) };
        let Queue { redis, keys, jobs, .. } = &self.users.queue;
        loop {
            let mut call = ERASE_JOB.call();
            call.key(keys.root())
                .arg(queue.as_str())
                .arg(id)
                .arg(self.user)
                .arg(digest)
                .arg(millis(jobs.completed_ttl()))
                .arg(millis(jobs.dead_ttl()));
            let reply: Vec<String> = redis.run(&call).await?;
            match reply.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["running"] => {
                    let cancelled = self.users.queue.cancel(queue, job).await?;
                    self.erased.cancelled += u64::from(cancelled == Cancelled::Done);
                }
                // Jobs of others get what they wait for, so many at a time.
                ["more"] => (),
                [word, jobs] => {
                    self.erased.jobs += u64::from(*jobs == "1");
                    if *word == "result" {
                        self.results.insert(id.to_owned());
                    }
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }

    /// Those of the results that jobs of others have come to. Nobody comes to them anew.
    async fn results_of_others(&self) -> Result<HashSet<String>, UnavailableError> {
        let mut kept = HashSet::new();
        let Queue { redis, keys, .. } = &self.users.queue;
        for queue in QueueName::ALL {
            let mut at = Some(FIRST.to_owned()).filter(|_| !self.results.is_empty());
            while let Some(from) = at {
                let mut call = READERS.call();
                call.key(keys.root()).arg(queue.as_str()).arg(from).arg(PAGE);
                let page = redis.run(&call).await.map(Page::read)?;
                kept.extend(page.names.into_iter().filter(|of| self.results.contains(of)));
                at = page.next;
            }
        }
        Ok(kept)
    }

    async fn drop_results(&mut self, kept: &HashSet<String>) -> Result<(), UnavailableError> {
        let Queue { redis, keys, .. } = &self.users.queue;
        let list = keys.jobs_of(self.user);
        let results: Vec<&String> = self.results.iter().collect();
        for some in results.chunks(PAGE as usize) {
            let mut drop = redis::pipe();
            for id in some.iter().filter(|id| !kept.contains(**id)).filter_map(|id| id.parse().ok()) {
                drop.unlink(keys.result(id)).ignore();
            }
            drop.zrem(&list, some).ignore();
            redis.query::<()>(&drop).await?;
        }
        self.erased.results_kept = kept.len() as u64;
        self.erased.results = self.results.len() as u64 - self.erased.results_kept;
        Ok(())
    }

    /// What is known beside jobs.
    async fn forget(&self) -> Result<(), UnavailableError> {
        let Queue { redis, keys, .. } = &self.users.queue;
        let mut forget = redis::pipe();
        for (queue, class) in QueueName::ALL.iter().flat_map(|queue| Priority::ALL.map(|class| (queue, class))) {
            forget.zrem(keys.shares(queue.as_str(), class), self.user).ignore();
        }
        for limit in OF_USERS {
            forget.unlink(keys.requests(limit, self.user)).ignore();
        }
        redis.query::<()>(&forget).await?;
        let mut call = FORGET.call();
        call.key(keys.root()).arg("").arg(self.user);
        redis.run::<(String,)>(&call).await.map(|_| ())
    }
}
