//! Ending an attempt.

use std::time::Duration;

use redis::{RedisError, Value, from_redis_value};

use super::{context::JobContext, outcome::Outcome};
use crate::{
    config::JobsConfig,
    redis::{LuaScript, UnavailableError, lua_script, millis},
    telemetry::Label,
};

static SETTLE: LuaScript = lua_script!("queue/settle");

/// Dead letters of a queue beyond this many push out the oldest (`DEAD_MAX` in bury.lua).
pub const DEAD_MAX: u64 = 100_000;
/// From 80 % of them on, an alert is due at every thousandth.
const DEAD_ALERT: u64 = DEAD_MAX / 10 * 8;
const DEAD_ALERT_STEP: u64 = 1_000;

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    /// Completed and cancelled jobs.
    pub(super) completed: Duration,
    /// Dead letters.
    pub(super) dead: Duration,
    /// Results, as answers to the same work.
    pub(super) cache: Duration,
    /// Most bytes of these.
    pub(super) cache_max_bytes: u64,
}

impl From<&JobsConfig> for Retention {
    fn from(jobs: &JobsConfig) -> Self {
        Self {
            completed: jobs.completed_ttl(),
            dead: jobs.dead_ttl(),
            cache: jobs.content_cache_ttl(),
            cache_max_bytes: jobs.cache_max_bytes,
        }
    }
}

/// What a settle did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The attempt is settled, now or by an earlier call whose answer was lost.
    Done,
    /// The lease had lapsed, and the result has ended the job all the same: nobody else had brought one.
    Late,
    /// Someone else holds the job, or it has ended: nothing was changed.
    Stale,
}

/// Settles one attempt. Safe to repeat.
pub(super) async fn settle(
    job: &JobContext,
    outcome: &Outcome,
    retention: Retention,
) -> Result<Settled, UnavailableError> {
    let mut call = SETTLE.call();
    call.key(job.keys.root())
        .arg(&*job.queue)
        .arg(job.id.to_string())
        .arg(job.fence)
        .arg(outcome.kind().as_str())
        .arg(millis(retention.completed))
        .arg(millis(retention.dead))
        .arg(millis(retention.cache))
        .arg(retention.cache_max_bytes);
    match outcome {
        Outcome::Complete(result) => call.arg(0).arg(result.get()),
        Outcome::Unfinished(end) => call.arg(millis(end.delay)).arg(&end.code).arg(&end.message).arg(&end.chain),
    };
    let reply: Vec<Value> = job.redis.run(&call).await?;
    let mut reply = reply.into_iter();
    let word: String = from_redis_value(reply.next().unwrap_or(Value::Nil)).map_err(RedisError::from)?;
    let dead = reply.nth(1).and_then(|dead| from_redis_value(dead).ok());
    alert(dead.unwrap_or_default());
    Ok(match word.as_str() {
        "stale" => Settled::Stale,
        "late" => Settled::Late,
        _ => Settled::Done,
    })
}

/// Tells, once in a while, that dead letters are about to push each other out.
fn alert(dead: u64) {
    if dead >= DEAD_ALERT && dead.is_multiple_of(DEAD_ALERT_STEP) {
        tracing::error!(
            queue.dead = dead,
            "There are nearly as many dead letters as are kept (100,000): soon the oldest make room"
        );
    }
}
