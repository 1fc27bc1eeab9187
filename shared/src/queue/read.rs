//! Reading jobs.

use std::str::FromStr;

use serde_json::value::RawValue;

use super::Queue;
use crate::{
    job::{JobFailure, JobId, JobState, JobView, QueueName},
    limiter::Withheld,
    redis::UnavailableError,
};

/// The fields that a view is made of, in the order of [`Fields`].
const FIELDS: [&str; 14] = [
    "kind",
    "queue",
    "user",
    "state",
    "attempts",
    "progress",
    "created",
    "ended",
    "run_at",
    "code",
    "message",
    "result",
    "result_of",
    "cached",
];

/// Bytes, since a stored job may be damaged in any way.
type Field = Option<Vec<u8>>;
pub(super) type Fields = [Field; 14];
/// Where these stand.
const RESULT: usize = 11;
const RESULT_OF: usize = 12;

/// The fields of a view without its result, which may be large.
pub(super) const OF_SUMMARY: [&str; 14] = {
    let mut fields = FIELDS;
    fields[RESULT] = "cached";
    fields
};

/// A job without its result, from [`OF_SUMMARY`].
pub(super) fn summary(id: JobId, mut fields: Fields) -> Option<JobView> {
    fields[RESULT] = Some(b"null".to_vec());
    view(id, fields).map(|job| JobView { result: None, ..job })
}

impl Queue {
    /// Reads a job; `None` where it is not known (any more), or not readable.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn job(&self, id: JobId) -> Result<Option<JobView>, UnavailableError> {
        let mut read = redis::pipe();
        read.hmget(self.keys.job(id), &FIELDS).get(self.keys.result(id));
        let (mut fields, own) = match self.redis.query::<(Fields, Field)>(&read).await {
            Ok(read) => read,
            Err(error) if error.is_wrong_type() => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(of) = fields[RESULT_OF].take().and_then(|of| text(Some(of))?.parse().ok()) {
            fields[RESULT] = if of == id { own } else { self.result(of).await? };
        }
        Ok(view(id, fields))
    }

    /// The result of the job whose work another one shares.
    async fn result(&self, of: JobId) -> Result<Field, UnavailableError> {
        let mut read = redis::pipe();
        read.get(self.keys.result(of));
        match self.redis.query::<(Field,)>(&read).await {
            Ok((result,)) => Ok(result),
            Err(error) if error.is_wrong_type() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why, and until when, no job of `queue` gets a permit, whatever the limits are; `None` while they do, or none has asked.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn withheld(&self, queue: QueueName) -> Result<Option<Withheld>, UnavailableError> {
        let mut read = redis::pipe();
        read.hget(self.keys.epoch(), format!("withheld:{}", queue.as_str())).cmd("TIME");
        let (said, (seconds, micros)) = self.redis.query::<(Option<String>, (u64, u64))>(&read).await?;
        Ok(said.and_then(|said| Withheld::read(&said, seconds * 1_000 + micros / 1_000)))
    }

    /// How many jobs wait in `queue`, for a worker or for a time.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn waiting(&self, queue: QueueName) -> Result<u64, UnavailableError> {
        let mut count = redis::pipe();
        count.zcard(self.keys.deadlines(queue.as_str())).zcard(self.keys.leases(queue.as_str()));
        let (unfinished, active) = self.redis.query::<(u64, u64)>(&count).await?;
        Ok(unfinished.saturating_sub(active))
    }
}

fn view(id: JobId, fields: Fields) -> Option<JobView> {
    let [kind, queue, user, state, attempts, progress, created, ended, run_at, code, message, result, _, cached] =
        fields;
    let state: JobState = text(state)?.parse().ok()?;
    let completed = state == JobState::Completed;
    let result = if completed { Some(RawValue::from_string(text(result)?).ok()?) } else { None };
    let failure = match (completed, text(code)) {
        (false, Some(code)) => Some(JobFailure { code, message: text(message).unwrap_or_default() }),
        _ => None,
    };
    Some(JobView {
        id,
        kind: text(kind)?,
        queue: QueueName::from_name(&text(queue)?)?,
        user: text(user)?,
        state,
        attempts: number(attempts).unwrap_or_default(),
        progress: if completed { 100 } else { number(progress).map_or(0, |progress: u8| progress.min(100)) },
        created_at_ms: number(created)?,
        finished_at_ms: number(ended).filter(|_| state.is_final()),
        run_at_ms: number(run_at).filter(|_| state == JobState::Scheduled),
        result,
        from_cache: cached.is_some(),
        failure,
    })
}

fn text(field: Field) -> Option<String> {
    String::from_utf8(field?).ok()
}

fn number<N: FromStr>(field: Field) -> Option<N> {
    text(field)?.parse().ok()
}
