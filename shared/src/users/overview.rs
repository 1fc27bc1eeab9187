//! Who was there lately.

use std::{fmt, str::FromStr};

use redis::{RedisError, Value, from_redis_value};

use super::{
    DayFigures, Suspension, Users,
    activity::{Activity, Hash},
    detail::next,
};
use crate::redis::{LuaScript, UnavailableError, lua_script};

static OVERVIEW: LuaScript = lua_script!("users/overview");

/// A place in the list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCursor {
    /// When the user before it was seen, in ms since the Unix epoch.
    at_ms: u64,
    /// That user.
    user: String,
}

impl fmt::Display for UserCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.user)
    }
}

/// The text is no place in the list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list of users")]
pub struct ParseUserCursorError;

impl FromStr for UserCursor {
    type Err = ParseUserCursorError;

    fn from_str(text: &str) -> Result<Self, ParseUserCursorError> {
        let (at_ms, user) = text.split_once('.').ok_or(ParseUserCursorError)?;
        // No year that a sorted set could not count in.
        let at_ms = at_ms.parse().ok().filter(|at| *at < 1 << 53).ok_or(ParseUserCursorError)?;
        Ok(Self { at_ms, user: user.to_owned() })
    }
}

/// How many users there are, and some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersOverview {
    /// Users that something is known of: the newest 100,000 of the last 60 days.
    pub known: u64,
    /// Users that are suspended.
    pub suspended: u64,
    /// How many users there were in the last seven days, today included, estimated to about one percent.
    pub unique_in_week: u64,
    /// What all of them did today.
    pub today: DayFigures,
    /// A page of users, those seen last first.
    pub users: Vec<SeenUser>,
    /// Where to go on, where there may be more.
    pub next: Option<UserCursor>,
}

/// A user in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenUser {
    /// Who.
    pub user: String,
    /// Where the user may ask for no job.
    pub suspension: Option<Suspension>,
    /// What the user did.
    pub activity: Activity,
}

impl Users {
    /// How many users there are, and at most `most` of them, those seen last first (to the minute); from the first one on, or
    /// after `after`.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn overview(&self, after: Option<&UserCursor>, most: usize) -> Result<UsersOverview, UnavailableError> {
        let mut call = OVERVIEW.call();
        call.key(self.queue.keys.root())
            .arg("")
            .arg(after.map_or("", |after| &after.user))
            .arg(after.map_or(0, |after| after.at_ms))
            .arg(most);
        let reply: Vec<Value> = self.queue.redis.run(&call).await?;
        Ok(read(reply)?)
    }
}

fn read(reply: Vec<Value>) -> Result<UsersOverview, RedisError> {
    let mut reply = reply.into_iter().skip(1);
    let day = next(&mut reply)?;
    let (known, suspended) = (next(&mut reply)?, next(&mut reply)?);
    let (unique_today, unique_in_week) = (next(&mut reply)?, next(&mut reply)?);
    let today = DayFigures::read(day, unique_today, &Hash::read(next(&mut reply)?));
    let (last, at): (String, String) = (next(&mut reply)?, next(&mut reply)?);
    let next = at.parse().ok().map(|at_ms| UserCursor { at_ms, user: last });
    let users = reply.map(|user| {
        let (user, suspension, activity): (String, String, Vec<String>) = from_redis_value(user)?;
        let suspension = Suspension::read(&suspension);
        Ok(SeenUser { user, suspension, activity: Hash::read(activity).activity() })
    });
    Ok(UsersOverview {
        known,
        suspended,
        unique_in_week,
        today,
        users: users.collect::<Result<_, RedisError>>()?,
        next,
    })
}
