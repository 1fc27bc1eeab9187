//! Taking jobs: the one way in which a worker gets work.

use std::{sync::Arc, time::Duration};

use redis::{ErrorKind, RedisError, Value, from_redis_value};

use crate::{
    job::JobId,
    limiter::{Upstream, WithheldReason, heed_clock},
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script, millis},
};

static TAKE: LuaScript = lua_script!("queue/take");

/// How far a worker process has proven itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Jobs that it holds.
    pub(super) holding: usize,
    /// Whether it has finished a job.
    pub(super) finished: bool,
    /// How long it has lived.
    pub(super) lived: Duration,
}

/// What a worker says of itself in a take.
#[derive(Debug, Clone)]
pub(super) struct TakeSettings {
    pub(super) queue: String,
    pub(super) worker: String,
    pub(super) lease: Duration,
    pub(super) dead_ttl: Duration,
    pub(super) completed_ttl: Duration,
    pub(super) lanes: Vec<String>,
    /// Crashes that make a job a dead letter.
    pub(super) max_crashes: u32,
    /// Renewed before each take.
    pub(super) standing: Standing,
    /// What limits the jobs' calls, if anything.
    pub(super) upstream: Option<Arc<Upstream>>,
}

/// One job as `take` hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakenJob {
    pub(super) id: JobId,
    pub(super) lane: String,
    pub(super) fence: u64,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    /// Whether there may be checkpoints.
    pub(super) resumed: bool,
    pub(super) payload: Vec<u8>,
}

/// The answer to a take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TakeReply {
    pub(super) taken: Taken,
    /// Jobs that were taken back in this step from workers that were lost.
    pub(super) lost: u64,
    /// Why no permit is given whatever the limits are, and for how long; `None` for the time where another worker waits for it.
    pub(super) withheld: Option<(WithheldReason, Option<Duration>)>,
}

/// What a take brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Jobs, and after which time to ask for more, where no more may run now.
    Jobs(Vec<TakenJob>, Option<Wait>),
    /// Nothing may run now.
    Wait(Wait),
}

/// How long to wait before the next take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until woken, or for this long.
    Idle(Option<Duration>),
    /// Until woken: jobs wait, and none may run now; if time alone changes that, another worker is there.
    Woken,
    /// For just this long: this worker is the one that takes the next permit when it is due.
    Booked(Duration),
    /// Until woken, or for a short time: the circuit breaker is open, and whoever has the probe, or is to send it, may be lost.
    Breaker,
    /// No limits are in force: they must be announced first.
    Unannounced,
    /// For just this long: a worker was lost a short time ago, and this one has not proven itself yet.
    Unproven(Duration),
}

/// Leases up to `want` jobs. A repeated `request` (its answer was lost) gets the same jobs again.
pub(super) async fn take(
    redis: &RedisPool,
    keys: &Keys,
    settings: &TakeSettings,
    request: &str,
    want: usize,
) -> Result<TakeReply, UnavailableError> {
    let mut call = TAKE.call();
    call.key(keys.root())
        .arg(&settings.queue)
        .arg(&settings.worker)
        .arg(request)
        .arg(want)
        .arg(millis(settings.lease))
        .arg(millis(settings.dead_ttl))
        .arg(millis(settings.completed_ttl));
    match settings.upstream.as_deref() {
        Some(Upstream { group, chunk_tokens, call_tokens, .. }) => {
            call.arg(group.as_str()).arg(chunk_tokens).arg(call_tokens)
        }
        None => call.arg("").arg(0).arg(0),
    };
    let Standing { holding, finished, lived } = settings.standing;
    let asked = redis.clock().ask();
    call.arg(holding)
        .arg(u8::from(finished))
        .arg(millis(lived))
        .arg(settings.max_crashes)
        .arg(asked.expected_ms.map(|ms| ms.to_string()).unwrap_or_default())
        .arg(&settings.lanes);
    let reply: Vec<Value> = redis.run(&call).await?;
    let (reply, now_ms) = parse(reply)?;
    if let Some(upstream) = &settings.upstream {
        heed_clock(redis, keys, (&settings.queue, &upstream.group), settings.lease, (asked, now_ms)).await;
    }
    Ok(reply)
}

/// The answer, and Redis' clock.
fn parse(reply: Vec<Value>) -> Result<(TakeReply, i64), RedisError> {
    let mut parts = reply.into_iter();
    let mut next = || parts.next().unwrap_or(Value::Nil);
    let (word, ms): (String, i64) = (from_redis_value(next())?, from_redis_value(next())?);
    match word.as_str() {
        "jobs" => {
            let wait = (ms != 0).then(|| limited(ms));
            let (lost, now_ms) = (from_redis_value(next())?, from_redis_value(next())?);
            let taken = Taken::Jobs(parts.filter_map(parse_job).collect(), wait);
            Ok((TakeReply { taken, lost, withheld: None }, now_ms))
        }
        "wait" => {
            let why: String = from_redis_value(next())?;
            let after = u64::try_from(ms).ok().map(Duration::from_millis);
            let wait = match (why.as_str(), after) {
                ("empty", after) => Wait::Idle(after),
                ("unannounced", _) => Wait::Unannounced,
                ("breaker", None) => Wait::Breaker,
                ("unproven", Some(after)) => Wait::Unproven(after),
                _ => limited(ms),
            };
            let (lost, now_ms) = (from_redis_value(next())?, from_redis_value(next())?);
            let withheld = WithheldReason::of(&why).map(|reason| (reason, after));
            Ok((TakeReply { taken: Taken::Wait(wait), lost, withheld }, now_ms))
        }
        _ => Err(RedisError::from((ErrorKind::UnexpectedReturnType, "take answered with an unknown word"))),
    }
}

fn limited(ms: i64) -> Wait {
    u64::try_from(ms).map_or(Wait::Woken, |ms| Wait::Booked(Duration::from_millis(ms)))
}

/// `None`, with a line in the log, for an entry that no enqueue of ours wrote: its lease lapses, and it is buried in the
/// end. A worker does not die of it.
fn parse_job(entry: Value) -> Option<TakenJob> {
    type Entry = (String, String, u64, u32, u32, u8, Vec<u8>);
    let parsed = from_redis_value::<Entry>(entry).map_err(|error| error.to_string());
    let job = parsed.and_then(|(id, lane, fence, attempt, max_attempts, resumed, payload)| {
        let id = id.parse().map_err(|_| "its id is not a UUID".to_owned())?;
        Ok(TakenJob { id, lane, fence, attempt, max_attempts, resumed: resumed != 0, payload })
    });
    job.inspect_err(|error| tracing::error!(error, "A stored job is not readable and is left to be buried")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn reads_jobs_and_leaves_unreadable_ones() {
        let id = JobId::new();
        let entry = |id: &str, fence: &str| {
            Value::Array(vec![bulk(id), bulk("k@1"), bulk(fence), Value::Int(1), bulk("3"), bulk("0"), bulk("{}")])
        };
        let reply = vec![
            bulk("jobs"),
            Value::Int(0),
            Value::Int(2),
            bulk("5"),
            entry(&id.to_string(), "7"),
            entry("not-a-uuid", "7"),
            entry(&id.to_string(), "x"),
        ];
        let Ok((TakeReply { taken: Taken::Jobs(jobs, None), lost: 2, withheld: None }, 5)) = parse(reply) else {
            panic!("jobs expected")
        };
        assert_eq!(jobs.len(), 1);
        assert_eq!((jobs[0].id, jobs[0].fence, jobs[0].attempt, jobs[0].max_attempts), (id, 7, 1, 3));
    }

    #[test]
    fn reads_waits() {
        let quarter = Duration::from_millis(250);
        for (ms, why, wait) in [
            (-1, "empty", Wait::Idle(None)),
            (250, "empty", Wait::Idle(Some(quarter))),
            (250, "requests", Wait::Booked(quarter)),
            (-1, "concurrency", Wait::Woken),
            (-1, "breaker", Wait::Breaker),
            (250, "breaker", Wait::Booked(quarter)),
            (0, "unannounced", Wait::Unannounced),
            (250, "unproven", Wait::Unproven(quarter)),
        ] {
            let reply = vec![bulk("wait"), Value::Int(ms), bulk(why), Value::Int(0), bulk("5")];
            assert_eq!(parse(reply).unwrap().0.taken, Taken::Wait(wait), "{why}");
        }
        let Taken::Jobs(_, wait) =
            parse(vec![bulk("jobs"), Value::Int(250), Value::Int(0), bulk("5")]).unwrap().0.taken
        else {
            panic!("jobs expected")
        };
        assert_eq!(wait, Some(Wait::Booked(quarter)));
        assert!(parse(vec![bulk("surprise")]).is_err());
        assert!(parse(vec![]).is_err());
    }
}
