//! Taking jobs: the one way in which a worker gets work.

use std::time::Duration;

use redis::{ErrorKind, RedisError, Value, from_redis_value};

use crate::{
    job::JobId,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, millis},
};

static TAKE: LuaScript = LuaScript::new(concat!(
    include_str!("keys.lua"),
    include_str!("line.lua"),
    include_str!("bury.lua"),
    include_str!("promote.lua"),
    include_str!("reclaim.lua"),
    include_str!("sweep.lua"),
    include_str!("admit.lua"),
    include_str!("take.lua")
));

/// What stays the same from one take of a worker to the next.
#[derive(Debug, Clone)]
pub(super) struct TakeSettings {
    pub(super) queue: String,
    pub(super) worker: String,
    pub(super) lease: Duration,
    pub(super) dead_ttl: Duration,
    pub(super) completed_ttl: Duration,
    pub(super) lanes: Vec<String>,
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
pub(super) enum Taken {
    Jobs(Vec<TakenJob>),
    /// Nothing may run now. `after`: when to ask again, if time alone brings something.
    Wait {
        after: Option<Duration>,
    },
}

/// Leases up to `want` jobs. A repeated `request` (its answer was lost) gets the same jobs again.
pub(super) async fn take(
    redis: &RedisPool,
    keys: &Keys,
    settings: &TakeSettings,
    request: &str,
    want: usize,
) -> Result<Taken, UnavailableError> {
    let mut call = TAKE.call();
    call.key(keys.root())
        .arg(&settings.queue)
        .arg(&settings.worker)
        .arg(request)
        .arg(want)
        .arg(millis(settings.lease))
        .arg(millis(settings.dead_ttl))
        .arg(millis(settings.completed_ttl))
        .arg(&settings.lanes);
    let reply: Vec<Value> = redis.run(&call).await?;
    Ok(parse(reply)?)
}

fn parse(reply: Vec<Value>) -> Result<Taken, RedisError> {
    let mut parts = reply.into_iter();
    let word: String = from_redis_value(parts.next().unwrap_or(Value::Nil))?;
    match word.as_str() {
        "jobs" => Ok(Taken::Jobs(parts.filter_map(parse_job).collect())),
        "wait" => {
            let ms: i64 = from_redis_value(parts.next().unwrap_or(Value::Nil))?;
            Ok(Taken::Wait { after: u64::try_from(ms).ok().map(Duration::from_millis) })
        }
        _ => Err(RedisError::from((ErrorKind::UnexpectedReturnType, "take answered with an unknown word"))),
    }
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
        let reply =
            vec![bulk("jobs"), entry(&id.to_string(), "7"), entry("not-a-uuid", "7"), entry(&id.to_string(), "x")];
        let Ok(Taken::Jobs(jobs)) = parse(reply) else { panic!("jobs expected") };
        assert_eq!(jobs.len(), 1);
        assert_eq!((jobs[0].id, jobs[0].fence, jobs[0].attempt, jobs[0].max_attempts), (id, 7, 1, 3));
    }

    #[test]
    fn reads_waits() {
        let wait = |ms| parse(vec![bulk("wait"), Value::Int(ms), bulk("empty")]).unwrap();
        assert_eq!(wait(-1), Taken::Wait { after: None });
        assert_eq!(wait(250), Taken::Wait { after: Some(Duration::from_millis(250)) });
        assert!(parse(vec![bulk("surprise")]).is_err());
        assert!(parse(vec![]).is_err());
    }
}
