//! One upstream call of a job, under a permit.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{JobContext, stats::EndedCall};
use crate::{
    budget::Billing,
    job::JobError,
    limiter::{TokenAccounting, Upstream},
    redis::{LuaScript, UnavailableError, lua_script, millis},
};

static BEGIN: LuaScript = lua_script!("queue/begin");
static END: LuaScript = lua_script!("queue/end");
static WITNESS: LuaScript = lua_script!("breaker/witness");

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
    /// Refused with 429: the upstream's limit was hit, or so it says.
    Limited {
        /// How long the upstream asks to wait.
        retry_after: Option<Duration>,
        /// Whether the answer itself says that it is the limit, and not this request.
        plain: bool,
    },
    /// The upstream says that it refuses this request, and not others: it is no sign of anything else.
    Own,
    /// Refused (403, 402), and the answer does not say whether the account or this request is.
    Doubted,
    /// The upstream asks all to wait for this long, for another reason than its limit.
    Paused {
        /// How long.
        retry_after: Duration,
    },
    /// The upstream failed, or did not answer.
    Failed,
    /// The account can't be used: no call will work until a person sees to it.
    Blocked,
    /// It was not made.
    Unsent,
}

/// What the fleet makes of the end of a call that its job has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing beyond what the answer says.
    Plain,
    /// This call has opened the breaker.
    Opened,
    /// The job was refused again while others were answered: it waits by itself, longer with each refusal.
    Blamed {
        /// Refusals since then, from 1.
        refusals: u32,
    },
    /// It has been refused too often: no attempt would change that.
    RefusedForGood,
    /// The refusal was the job's own: an attempt that failed.
    OwnRefusal,
    /// Whether the account or the job is refused is not known yet: it counts once it is.
    Doubted {
        /// How often the job was refused so.
        times: u32,
        /// Nobody else can show it: the caller asks the provider about its model, which is free, and says what came of it
        /// ([`Call::testify`]).
        witness: bool,
    },
}

/// What a free look at the provider has shown about the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// Key and account are good.
    Good,
    /// They are not.
    Bad,
    /// It says nothing about them.
    Unknown,
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
    /// What decides their cost beside their number.
    pub billing: Billing,
    /// Whether nobody knows what it used: if it was sent, the budget counts [`Self::tokens`] as spent
    /// and shows them as assumed.
    pub assumed: bool,
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
    /// Tokens that the call was estimated at.
    #[cfg(test)]
    pub(super) const fn tokens(&self) -> u32 {
        self.tokens
    }

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
                self.job.stats.call_sent();
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
            .arg(upstream.group.as_str())
            .arg(self.job.redis.clock().ask().expected_ms.map(|ms| ms.to_string()).unwrap_or_default());
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

    /// Tells the fleet how the call ended; what the job has to know of it. When Redis does not answer, the reservation stays until
    /// it slides out.
    pub async fn end(&self, end: CallEnd<'_>) -> Verdict {
        let Some(upstream) = &self.job.upstream else { return Verdict::Plain };
        let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let took = begun.map(|begun| begun.at.elapsed());
        let mut end = end;
        if end.assumed && begun.is_none() {
            end.tokens = None;
        }
        let micros =
            end.tokens.map_or(0, |tokens| upstream.prices.billed_micros(&upstream.model, tokens, &end.billing));
        let (provider, ending) = (upstream.group.provider(), end.ending);
        let (tokens, known_micros) = if end.assumed { (None, 0) } else { (end.tokens, micros) };
        self.job.stats.called(EndedCall { provider, ending, took, tokens, micros: known_micros });
        match self.tell(upstream, end, begun, micros).await {
            Ok((event, number)) => {
                log_event(upstream, &event, (end.ending, end.reason));
                verdict(&event, number)
            }
            Err(error) => {
                tracing::warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "The end of a call could not be recorded");
                Verdict::Plain
            }
        }
    }

    /// Says what a free look at the provider has shown, when [`Verdict::Doubted`] asked for it.
    pub async fn testify(&self, found: Witness, reason: &str) {
        let Some(upstream) = &self.job.upstream else { return };
        let mut call = WITNESS.call();
        call.key(self.job.keys.root())
            .arg(&*self.job.queue)
            .arg(&*self.job.lane)
            .arg(upstream.group.as_str())
            .arg(match found {
                Witness::Good => "good",
                Witness::Bad => "bad",
                Witness::Unknown => "unknown",
            })
            .arg(reason)
            .arg(millis(upstream.breaker.slow_probe))
            .arg(millis(upstream.breaker.probe))
            .arg(&upstream.settings);
        match self.job.redis.run::<(String, String)>(&call).await {
            Ok((_, event)) => log_event(upstream, &event, (Ending::Doubted, reason)),
            Err(error) => {
                tracing::warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "What the provider says of its model could not be recorded");
            }
        }
    }

    async fn tell(
        &self,
        upstream: &Upstream,
        end: CallEnd<'_>,
        begun: Option<Begun>,
        micros: u64,
    ) -> Result<(String, u32), UnavailableError> {
        let word = match end.ending {
            Ending::Ok => "ok",
            Ending::Rejected => "rejected",
            Ending::Limited { .. } => "limited",
            Ending::Own => "own",
            Ending::Doubted => "doubted",
            Ending::Paused { .. } => "pause",
            Ending::Failed if begun.is_none() => "unreached",
            Ending::Failed => "failed",
            Ending::Blocked => "blocked",
            Ending::Unsent => "unsent",
        };
        let (retry_after, reason) = match end.ending {
            Ending::Limited { retry_after, plain } => (retry_after, if plain { "plain" } else { "" }),
            Ending::Paused { retry_after } => (Some(retry_after), ""),
            _ => (None, end.reason),
        };
        let known = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1);
        let permits = begun.map_or((-1, -1), |begun| begun.permits);
        let took_us = begun.and_then(|begun| i64::try_from(begun.at.elapsed().as_micros()).ok()).unwrap_or(-1);
        let breaker = upstream.breaker;
        let total = end.tokens.map(|(prompt, answer)| prompt.saturating_add(answer));
        let (used, assumed) = if end.assumed { (None, total) } else { (total, None) };
        let mut call = END.call();
        call.key(self.job.keys.root())
            .arg(&*self.job.queue)
            .arg(self.job.id.to_string())
            .arg(self.job.fence)
            .arg(self.number)
            .arg(upstream.group.as_str())
            .arg(word)
            .arg(reason)
            .arg(known(used))
            .arg(if upstream.accounting == TokenAccounting::Used { "used" } else { "reserved" })
            .arg(known(end.limit_requests))
            .arg(known(end.remaining_requests))
            .arg(known(end.limit_tokens))
            .arg(permits.0)
            .arg(permits.1)
            .arg(known(retry_after.map(millis)))
            .arg(breaker.failures)
            .arg(millis(breaker.failure_window))
            .arg(breaker.failure_ratio)
            .arg(millis(breaker.open))
            .arg(millis(breaker.open_max))
            .arg(breaker.successes)
            .arg(millis(breaker.slow_probe))
            .arg(millis(breaker.probe))
            .arg(micros)
            .arg(took_us)
            .arg(self.tokens)
            .arg(known(assumed))
            .arg(&upstream.settings);
        let (_, event, number): (String, String, u32) = self.job.redis.run(&call).await?;
        Ok((event, number))
    }
}

fn verdict(event: &str, number: u32) -> Verdict {
    match event {
        "blamed" => Verdict::Blamed { refusals: number },
        "opened" => Verdict::Opened,
        "failed" => Verdict::RefusedForGood,
        "own" => Verdict::OwnRefusal,
        "doubt" | "witness" => Verdict::Doubted { times: number, witness: event == "witness" },
        _ => Verdict::Plain,
    }
}

fn log_event(upstream: &Upstream, event: &str, (ending, reason): (Ending, &str)) {
    let group = upstream.group.as_str();
    match event {
        // The caller logs the error itself, with what a person has to change.
        "opened" if ending == Ending::Blocked => {
            tracing::warn!(limiter.group = group, reason, "Circuit breaker opened: jobs wait");
        }
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
