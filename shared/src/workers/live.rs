//! Who lives.

use redis::{RedisError, Value, from_redis_value};

use crate::{
    job::QueueName,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script},
};

static LIVE: LuaScript = lua_script!("workers/live");

/// Most workers that one answer names.
const WORKERS_MAX: u32 = 1_000;

/// A worker process that takes jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveWorker {
    /// Its unique name, which leases carry: replica and boot.
    pub id: String,
    /// The queue that it takes jobs of.
    pub queue: QueueName,
    /// The replica that it is (`RAILWAY_REPLICA_ID`).
    pub replica: String,
    /// Its version.
    pub version: String,
    /// When it began, in ms since the Unix epoch.
    pub started_at_ms: u64,
    /// Jobs that it can run at once (`WORKER_CONCURRENCY`).
    pub slots: u32,
    /// Jobs that it ran when it was heard last.
    pub busy: u32,
    /// When it was heard last, in ms since the Unix epoch: it says something every ten seconds.
    pub seen_at_ms: u64,
    /// Processor time that it used of late, in percent of what it may use; `None` where it did not say.
    pub cpu: Option<u32>,
}

type Row = (String, String, String, String, String, String, String, String);

/// The workers of `queue` that live, by name: at most 1,000. One that was killed is among them for 30 s; one that stops is not, though
/// it may still run jobs.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn live_workers(
    redis: &RedisPool,
    keys: &Keys,
    queue: QueueName,
) -> Result<Vec<LiveWorker>, UnavailableError> {
    let mut call = LIVE.call();
    call.key(keys.root()).arg(queue.as_str()).arg(WORKERS_MAX);
    let reply: Vec<Value> = redis.run(&call).await?;
    let mut workers = Vec::with_capacity(reply.len());
    for row in reply.into_iter().skip(1) {
        let (id, replica, version, started, slots, busy, seen, cpu): Row =
            from_redis_value(row).map_err(RedisError::from)?;
        workers.push(LiveWorker {
            id,
            queue,
            replica,
            version,
            started_at_ms: started.parse().unwrap_or_default(),
            slots: slots.parse().unwrap_or_default(),
            busy: busy.parse().unwrap_or_default(),
            seen_at_ms: seen.parse().unwrap_or_default(),
            cpu: cpu.parse().ok(),
        });
    }
    workers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(workers)
}
