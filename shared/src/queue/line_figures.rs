//! How many jobs of a queue wait, and for how long: what scaling is decided by.

use std::time::Duration;

use crate::{
    job::{Priority, QueueName, kinds},
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script},
};

static LINE: LuaScript = lua_script!("queue/line_figures");

/// The jobs of a class that wait in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassFigures {
    /// How many.
    pub waiting: u64,
    /// The age of the oldest of the ten that are next.
    pub oldest: Duration,
}

/// Jobs of one queue, all counted at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFigures {
    /// When they were counted, by Redis' clock, in ms since the Unix epoch.
    pub at_ms: u64,
    /// Jobs that have not ended, wherever they stand.
    pub unfinished: u64,
    /// Jobs that a worker holds.
    pub active: u64,
    /// Jobs that wait for a time.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Jobs that ended, however, within the last minute.
    pub ended_last_minute: u64,
    /// Whether the queue is paused.
    pub paused: bool,
    /// Jobs whose worker was lost, which wait for one that has proven itself.
    pub suspects: u64,
    /// Workers that were lost within the last ten minutes.
    pub workers_lost: u64,
    /// When the last one was seen to be lost, in ms since the Unix epoch; 0: none.
    pub last_loss_ms: u64,
    /// In the order of [`Priority::ALL`].
    pub classes: [ClassFigures; 3],
}

impl LineFigures {
    /// Jobs in line for a worker. Those that wait for the same work of another job are not among them.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.classes.iter().map(|class| class.waiting).sum::<u64>() + self.suspects
    }

    /// The age of the oldest job that is next in one of the classes.
    #[must_use]
    pub fn oldest(&self) -> Duration {
        self.classes.iter().map(|class| class.oldest).max().unwrap_or_default()
    }
}

type Class = (u64, i64);
type Counts = (String, u64, u64, u64, u64, u64, u64, bool, u64, u64, u64);

/// Counts the jobs of `queue` that wait in the lanes that this build knows.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn line_figures(redis: &RedisPool, keys: &Keys, queue: QueueName) -> Result<LineFigures, UnavailableError> {
    let mut call = LINE.call();
    call.key(keys.root()).arg(queue.as_str());
    for lane in kinds::lanes(queue) {
        call.arg(lane.as_str());
    }
    let mut reply: Vec<redis::Value> = redis.run(&call).await?;
    let classes = reply.split_off(reply.len().saturating_sub(Priority::ALL.len()));
    let counts: Counts = redis::from_redis_value(redis::Value::Array(reply)).map_err(redis::RedisError::from)?;
    let (_, at_ms, unfinished, active, delayed, dead, ended_last_minute, paused, suspects, workers_lost, last_loss_ms) =
        counts;
    let classes: [Class; Priority::ALL.len()] =
        redis::from_redis_value(redis::Value::Array(classes)).map_err(redis::RedisError::from)?;
    let classes = classes.map(|(waiting, created)| {
        let oldest = u64::try_from(created).map_or(0, |created| at_ms.saturating_sub(created));
        ClassFigures { waiting, oldest: Duration::from_millis(oldest) }
    });
    Ok(LineFigures {
        at_ms,
        unfinished,
        active,
        delayed,
        dead,
        ended_last_minute,
        paused,
        suspects,
        workers_lost,
        last_loss_ms,
        classes,
    })
}
