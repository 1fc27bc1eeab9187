//! A user's jobs.

use std::{fmt, str::FromStr};

use super::{
    Queue,
    read::{Fields, OF_SUMMARY, summary},
};
use crate::{
    job::{JobId, JobState, JobView},
    redis::{LuaScript, UnavailableError, lua_script},
};

static LIST: LuaScript = lua_script!("queue/list");

/// A place in a list of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the job before it was accepted, in ms since the Unix epoch.
    at_ms: u64,
    /// That job.
    id: JobId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.id)
    }
}

/// The text is no place in a list of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list of jobs")]
pub struct ParseCursorError;

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (at_ms, id) = text.split_once('.').ok_or(ParseCursorError)?;
        // No year that a sorted set could not count in.
        let at_ms = at_ms.parse().ok().filter(|at| *at < 1 << 53).ok_or(ParseCursorError)?;
        Ok(Self { at_ms, id: id.parse().map_err(|_| ParseCursorError)? })
    }
}

/// Which of a user's jobs are wanted.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// In this state; in any, where none is named.
    pub state: Option<JobState>,
    /// Of this kind; of any, where none is named.
    pub kind: Option<String>,
    /// Those that come after this one, the last of the page before.
    pub after: Option<Cursor>,
    /// Most jobs.
    pub most: usize,
}

/// Some of a user's jobs, newest first, without their results.
#[derive(Debug, Default)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Where to go on, where there may be more.
    pub next: Option<Cursor>,
}

impl Queue {
    /// A page of the jobs of `user` that are still kept.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn jobs_of(&self, user: &str, filter: &JobFilter) -> Result<JobPage, UnavailableError> {
        let mut call = LIST.call();
        call.key(self.keys.root())
            .arg("")
            .arg(user)
            .arg(filter.after.map(|after| after.id.to_string()).unwrap_or_default())
            .arg(filter.after.map_or(0, |after| after.at_ms))
            .arg(filter.most)
            .arg(filter.state.map_or("", JobState::as_str))
            .arg(filter.kind.as_deref().unwrap_or_default());
        let reply: Vec<String> = self.redis.run(&call).await?;
        let mut reply = reply.into_iter().skip(1);
        let (last, at) = (reply.next().unwrap_or_default(), reply.next().unwrap_or_default());
        let next = last.parse().ok().zip(at.parse().ok()).map(|(id, at_ms)| Cursor { at_ms, id });
        let ids: Vec<JobId> = reply.filter_map(|id| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(JobPage { jobs: Vec::new(), next });
        }
        let mut read = redis::pipe();
        for id in &ids {
            read.hmget(self.keys.job(*id), &OF_SUMMARY);
        }
        let fields: Vec<Fields> = self.redis.query(&read).await?;
        let jobs = ids.into_iter().zip(fields).filter_map(|(id, fields)| summary(id, fields)).collect();
        Ok(JobPage { jobs, next })
    }
}
