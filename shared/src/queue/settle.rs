//! Ending an attempt.

use std::time::Duration;

use super::{context::JobContext, outcome::Outcome};
use crate::redis::{LuaScript, UnavailableError, millis};

static SETTLE: LuaScript = LuaScript::new(concat!(
    include_str!("keys.lua"),
    include_str!("settle_head.lua"),
    include_str!("line.lua"),
    include_str!("slot.lua"),
    include_str!("../budget/budget.lua"),
    include_str!("bury.lua"),
    include_str!("settle.lua")
));

/// How long ended jobs are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) completed: Duration,
    pub(super) dead: Duration,
}

/// What a settle did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The attempt is settled, now or by an earlier call whose answer was lost.
    Done,
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
        .arg(outcome.word())
        .arg(millis(retention.completed))
        .arg(millis(retention.dead));
    match outcome {
        Outcome::Complete(result) => call.arg(0).arg(result.get()),
        Outcome::Unfinished(end) => call.arg(millis(end.delay)).arg(&end.code).arg(&end.message),
    };
    let (word, _state): (String, String) = job.redis.run(&call).await?;
    Ok(if word == "stale" { Settled::Stale } else { Settled::Done })
}
