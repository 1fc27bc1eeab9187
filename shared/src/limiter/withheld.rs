//! Times in which no permit is given, whatever the limits are.

use serde::Serialize;

/// Why no permit is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WithheldReason {
    /// This Redis is new: workers say when their last call was, or a window passes (`OPENAI_NEW_REDIS`).
    NewRedis,
    /// Redis was restarted, a replica has taken its place, or its clock has stepped: one window passes.
    RedisRecovery,
}

impl WithheldReason {
    /// Both.
    pub const ALL: [Self; 2] = [Self::NewRedis, Self::RedisRecovery];

    /// Its name, in scripts and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewRedis => "new_redis",
            Self::RedisRecovery => "redis_recovery",
        }
    }

    /// That of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// No permit is given until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Why.
    pub reason: WithheldReason,
    /// Until when, in ms since the Unix epoch.
    pub until_ms: u64,
}

impl Withheld {
    /// What a script has written (reason and time, with a space between), while that is not over at `now_ms`.
    pub(crate) fn read(said: &str, now_ms: u64) -> Option<Self> {
        let (reason, until) = said.split_once(' ')?;
        let withheld = Self { reason: WithheldReason::of(reason)?, until_ms: until.parse().ok()? };
        (withheld.until_ms > now_ms).then_some(withheld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_or_not_ours_is_none() {
        let withheld = Withheld { reason: WithheldReason::NewRedis, until_ms: 5_000 };
        assert_eq!(Withheld::read("new_redis 5000", 4_999), Some(withheld));
        assert_eq!(Withheld::read("new_redis 5000", 5_000), None);
        for damaged in ["", "new_redis", "new_redis x", "other 5000"] {
            assert_eq!(Withheld::read(damaged, 0), None, "{damaged}");
        }
    }
}
