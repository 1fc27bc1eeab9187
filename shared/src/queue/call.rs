//! One upstream call of a job, under a permit.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{JobContext, stats::EndedCall};
use crate::{
    job::JobError,
    limiter::{TokenAccounting, Upstream},
    redis::{LuaScript, UnavailableError, lua_script, millis},
};

static BEGIN: LuaScript = lua_script!("queue/begin");
static END: LuaScript = lua_script!("queue/end");

/// The answer to a `begin` may take this part of the guard band; the rest is for the way to the upstream's door.
const PATIENCE_SHARE: u32 = 3;
/// A permit that was answered this many times too slowly is given up: this machine is too busy for any call.
const BEGINS_MAX: u32 = 20;
/// Then the job waits for this long: asking on at once would only add to what is slow.
const LAPSED_PAUSE: Duration = Duration::from_secs(1);

/// A call that was let go.
#[derive(Debug, Clone, Copy)]
struct Begun {
    /// Own permits in the window, and ever granted, at that moment.
    permits: (i64, i64),
    at: Instant,
}

/// How a call ended, for the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With an answer, of whatever use it is.
    Ok,
    /// The upstream works and rejects this request.
    Rejected,
    /// The upstream's limit was hit (429).
    Limited {
        /// How long the upstream asks to wait.
        retry_after: Option<Duration>,
    },
    /// The upstream failed, or did not answer.
    Failed,
    /// The account can't be used: no call will work until a person sees to it.
    Blocked,
    /// It was not made.
    Unsent,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnd<'a> {
    /// How it ended.
    pub ending: Ending,
    /// A code for [`Ending::Failed`] and [`Ending::Blocked`].
    pub reason: &'a str,
    /// Tokens that it used, of the prompt and of the answer, where that is known.
    pub tokens: Option<(u64, u64)>,
    /// The provider's limit of requests, where it tells.
    pub limit_requests: Option<u64>,
    /// Requests left of it when the call arrived.
    pub remaining_requests: Option<u64>,
    /// The provider's limit of tokens, where it tells.
    pub limit_tokens: Option<u64>,
}

/// One call of an attempt. Cheap to clone; all clones are the same call.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) job: JobContext,
    number: u32,
    tokens: u32,
    /// Set when it is let go.
    begun: Arc<Mutex<Option<Begun>>>,
}

impl JobContext {
    /// The attempt's next call, for which the provider counts `tokens` up front. Nothing is asked yet.
    #[must_use]
    pub fn call(&self, tokens: u32) -> Call {
        let number = self.calls.fetch_add(1, Relaxed) + 1;
        Call { job: self.clone(), number, tokens, begun: Arc::default() }
    }
}

impl Call {
    /// Lets the call go: it must be sent at once when this returns.
    ///
    /// # Errors
    ///
    /// A snooze when the call may not be made now: the job waits in line, before new ones, for its next permit.
    pub async fn begin(&self) -> Result<(), JobError> {
        let Some(upstream) = self.job.upstream.clone() else { return Ok(()) };
        let patience = upstream.limits.guard / PATIENCE_SHARE;
        for _ in 0..BEGINS_MAX {
            let asked = Instant::now();
            let permits = self.ask(&upstream).await?;
            // An answer that took longer says nothing about now: what is between Redis' clock and the upstream's door
            // must stay within the guard band.
            if patience.is_zero() || asked.elapsed() <= patience {
                let begun = Begun { permits, at: Instant::now() };
                *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
                return Ok(());
            }
        }
        tracing::warn!(
            job.id = %self.job.id,
            limiter.group = upstream.group.as_str(),
            wait_ms = millis(patience),
            "No answer to begin came in time: Redis is too far or too slow, or this machine too busy, for OPENAI_RATE_GUARD_MS"
        );
        Err(JobError::snooze(LAPSED_PAUSE, "permit_lapsed", "The worker can't use its permits in time"))
    }

    async fn ask(&self, upstream: &Upstream) -> Result<(i64, i64), JobError> {
        let mut call = BEGIN.call();
        call.key(self.job.keys.root())
            .arg(&*self.job.queue)
            .arg(self.job.id.to_string())
            .arg(self.job.fence)
            .arg(self.number)
            .arg(self.tokens)
            .arg(upstream.group.as_str());
        let unavailable = |error: UnavailableError| put_off("redis_unavailable", "Redis is away").with_source(error);
        let reply: Vec<redis::Value> = self.job.redis.run(&call).await.map_err(unavailable)?;
        let mut reply = reply.into_iter();
        let mut next =
            || redis::from_redis_value::<String>(reply.next().unwrap_or(redis::Value::Nil)).unwrap_or_default();
        match (next().as_str(), next(), next()) {
            ("go", seen, granted) => Ok((seen.parse().unwrap_or(-1), granted.parse().unwrap_or(-1))),
            ("wait", _, why) => Err(put_off("awaiting_permit", format!("The job waits for its next permit ({why})"))),
            _ => Err(put_off("lease_lost", "The job is no longer this worker's")),
        }
    }

    /// Tells the fleet how the call ended. When Redis does not answer, the reservation stays until it slides out.
    pub async fn end(&self, end: CallEnd<'_>) {
        let Some(upstream) = &self.job.upstream else { return };
        let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let took = begun.map(|begun| begun.at.elapsed());
        let micros =
            end.tokens.map_or(0, |(prompt, answer)| upstream.prices.cost_micros(&upstream.model, prompt, answer));
        let (provider, ending, tokens) = (upstream.group.provider(), end.ending, end.tokens);
        self.job.stats.called(EndedCall { provider, ending, took, tokens, micros });
        match self.tell(upstream, end, begun, micros).await {
            Ok(event) => log_event(upstream, &event, end.reason),
            Err(error) => {
                tracing::warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "The end of a call could not be recorded");
            }
        }
    }

    async fn tell(
        &self,
        upstream: &Upstream,
        end: CallEnd<'_>,
        begun: Option<Begun>,
        micros: u64,
    ) -> Result<String, UnavailableError> {
        let word = match end.ending {
            Ending::Ok => "ok",
            Ending::Rejected => "rejected",
            Ending::Limited { .. } => "limited",
            Ending::Failed if begun.is_none() => "unreached",
            Ending::Failed => "failed",
            Ending::Blocked => "blocked",
            Ending::Unsent => "unsent",
        };
        let retry_after = match end.ending {
            Ending::Limited { retry_after } => retry_after,
            _ => None,
        };
        let known = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1);
        let permits = begun.map_or((-1, -1), |begun| begun.permits);
        let took_us = begun.and_then(|begun| i64::try_from(begun.at.elapsed().as_micros()).ok()).unwrap_or(-1);
        let breaker = upstream.breaker;
        let mut call = END.call();
        call.key(self.job.keys.root())
            .arg(&*self.job.queue)
            .arg(self.job.id.to_string())
            .arg(self.job.fence)
            .arg(self.number)
            .arg(upstream.group.as_str())
            .arg(word)
            .arg(end.reason)
            .arg(known(end.tokens.map(|(prompt, answer)| prompt.saturating_add(answer))))
            .arg(if upstream.accounting == TokenAccounting::Used { "used" } else { "reserved" })
            .arg(known(end.limit_requests))
            .arg(known(end.remaining_requests))
            .arg(known(end.limit_tokens))
            .arg(permits.0)
            .arg(permits.1)
            .arg(known(retry_after.map(millis)))
            .arg(breaker.failures)
            .arg(millis(breaker.failure_window))
            .arg(millis(breaker.open))
            .arg(millis(breaker.open_max))
            .arg(breaker.successes)
            .arg(millis(breaker.slow_probe))
            .arg(millis(breaker.probe))
            .arg(micros)
            .arg(took_us);
        let (_, event): (String, String) = self.job.redis.run(&call).await?;
        Ok(event)
    }
}

fn log_event(upstream: &Upstream, event: &str, reason: &str) {
    let group = upstream.group.as_str();
    match event {
        "opened" => tracing::error!(limiter.group = group, reason, "Circuit breaker opened: jobs wait"),
        "closed" => tracing::info!(limiter.group = group, "Circuit breaker closed: calls go again"),
        "paused" => tracing::warn!(limiter.group = group, "Rate limit exceeded at the upstream: the fleet pauses"),
        _ => {}
    }
}

/// Back in line at once: `take` gives the job out again together with its next permit.
fn put_off(code: &'static str, message: impl Into<String>) -> JobError {
    JobError::snooze(Duration::ZERO, code, message)
}
