//! One user.

use redis::{FromRedisValue, RedisError, Value, from_redis_value};

use super::{
    Suspension, Users,
    activity::{Activity, Hash},
};
use crate::{
    budget::Spend,
    redis::{LuaScript, UnavailableError, lua_script},
};

static DETAIL: LuaScript = lua_script!("users/detail");

/// Days whose spending is kept, with today.
const DAYS: u32 = 8;

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetail {
    /// Where the user may ask for no job.
    pub suspension: Option<Suspension>,
    /// Jobs in the user's list; some may no longer be kept.
    pub listed_jobs: u64,
    /// What the user did.
    pub activity: Activity,
    /// What was spent, today first.
    pub days: Vec<SpentOnDay>,
}

/// What a user spent on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentOnDay {
    /// The day (UTC), such as `2026-08-01`.
    pub day: String,
    /// What was spent on it.
    pub spend: Spend,
}

impl Users {
    /// What is known of `user`: of one that nobody has heard of, nothing.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn detail(&self, user: &str) -> Result<UserDetail, UnavailableError> {
        let mut call = DETAIL.call();
        call.key(self.queue.keys.root()).arg("").arg(user).arg(DAYS);
        let reply: Vec<Value> = self.queue.redis.run(&call).await?;
        Ok(read(reply)?)
    }
}

fn read(reply: Vec<Value>) -> Result<UserDetail, RedisError> {
    let mut reply = reply.into_iter().skip(1);
    let suspension = Suspension::read(&next::<String>(&mut reply)?);
    let listed_jobs = next(&mut reply)?;
    let activity = Hash::read(next(&mut reply)?).activity();
    let days = reply.map(|day| {
        let (day, tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros) = from_redis_value(day)?;
        let spend = Spend { tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros };
        Ok(SpentOnDay { day, spend })
    });
    Ok(UserDetail { suspension, listed_jobs, activity, days: days.collect::<Result<_, RedisError>>()? })
}

pub(super) fn next<T: FromRedisValue>(reply: &mut impl Iterator<Item = Value>) -> Result<T, RedisError> {
    Ok(from_redis_value(reply.next().unwrap_or(Value::Nil))?)
}
