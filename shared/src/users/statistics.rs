//! All users, day by day.

use redis::{RedisError, Value, from_redis_value};

use super::{
    Users,
    activity::{Counts, Hash},
};
use crate::redis::{LuaScript, UnavailableError, lua_script};

static STATISTICS: LuaScript = lua_script!("users/statistics");

/// What all users did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatistics {
    /// How many users there were on all these days together, estimated to about one percent.
    pub unique_users: u64,
    /// Day by day, today first.
    pub days: Vec<DayFigures>,
}

/// What all users did on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFigures {
    /// The day (UTC), such as `2026-08-01`.
    pub day: String,
    /// How many users there were, estimated to about one percent.
    pub unique_users: u64,
    /// How many requests and jobs came to what.
    pub counts: Counts,
    /// Tokens of calls that ended.
    pub tokens: u64,
    /// What these cost, in micro-dollars.
    pub micros: u64,
}

impl DayFigures {
    pub(super) fn read(day: String, unique_users: u64, figures: &Hash) -> Self {
        let number = |field| figures.number(field).unwrap_or_default();
        Self { day, unique_users, counts: figures.counts(), tokens: number("tokens"), micros: number("micros") }
    }
}

impl Users {
    /// What all users did on each of the last `days` (at most [`Self::DAYS_MAX`]), with today.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn statistics(&self, days: u32) -> Result<UserStatistics, UnavailableError> {
        let mut call = STATISTICS.call();
        call.key(self.queue.keys.root()).arg("").arg(days.clamp(1, Self::DAYS_MAX));
        let (_word, unique_users, days): (String, u64, Vec<Value>) = self.queue.redis.run(&call).await?;
        let days = days.into_iter().map(|day| {
            let (day, unique_users, figures) = from_redis_value::<(String, u64, Vec<String>)>(day)?;
            Ok(DayFigures::read(day, unique_users, &Hash::read(figures)))
        });
        Ok(UserStatistics { unique_users, days: days.collect::<Result<_, RedisError>>()? })
    }
}
