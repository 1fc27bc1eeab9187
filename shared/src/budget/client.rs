//! The budget as operators see and change it.

use super::{Limit, Limits};
use crate::{
    job::QueueName,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script},
};

static STATUS: LuaScript = lua_script!("budget/status");
static KILL: LuaScript = lua_script!("budget/kill");
static LIMIT: LuaScript = lua_script!("budget/limit");

/// The budget as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    /// The kill switch, where it is thrown.
    pub kill_switch: Option<KillSwitch>,
    /// In the order of [`Limit::ALL`].
    pub limits: [LimitInForce; 4],
    /// The day (UTC) that users' figures are of, such as `2026-08-01`.
    pub day: String,
    /// When it ends, in ms since the Unix epoch.
    pub day_ends_at_ms: u64,
    /// When the month ends that the fleet's figures are of.
    pub month_ends_at_ms: u64,
    /// What the fleet has spent this month.
    pub fleet: Spend,
    /// What the user has spent today, where one was asked for.
    pub user: Option<Spend>,
}

/// A kill switch that is thrown: no job is accepted, and none is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillSwitch {
    /// Why.
    pub reason: String,
    /// Since when, in ms since the Unix epoch.
    pub since_ms: u64,
}

/// A limit that holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitInForce {
    /// Which one.
    pub limit: Limit,
    /// Tokens or micro-dollars; 0 is no limit.
    pub value: u64,
    /// Whether an operator has set it; else it is the one of this process's configuration.
    pub set: bool,
}

/// What was spent in a period, and what accepted jobs may yet come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    /// Tokens of calls that have ended.
    pub tokens: u64,
    /// What these cost, in micro-dollars.
    pub micros: u64,
    /// Tokens of jobs that have not ended.
    pub held_tokens: u64,
    /// What these may cost, in micro-dollars.
    pub held_micros: u64,
    /// Tokens of those spent that nobody knows: of calls that timed out after they were sent.
    pub assumed_tokens: u64,
    /// What these cost at most, in micro-dollars; part of what was spent.
    pub assumed_micros: u64,
}

/// Why a limit was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetLimitError {
    /// A live worker's calls would not count.
    #[error(
        "a limit in US dollars can't be set: a live worker calls the model {model}, which has no price; add it to OPENAI_PRICES \
         of workers and api and restart them"
    )]
    Unpriced {
        /// The model.
        model: String,
    },
    /// Redis does not answer.
    #[error(transparent)]
    Unavailable(#[from] UnavailableError),
}

/// A period's counters as `status.lua` returns them.
type Counted = Vec<Option<u64>>;
/// Switch, reason and time of the kill switch.
type Kill = (Option<String>, Option<String>, Option<u64>);

/// Shows the budget and changes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    redis: RedisPool,
    keys: Keys,
    configured: Limits,
}

impl Budget {
    /// The budget below the prefix of `keys`; `configured` holds where no operator has set a limit.
    #[must_use]
    pub fn new(redis: RedisPool, keys: Keys, configured: Limits) -> Self {
        Self { redis, keys, configured }
    }

    /// The budget as it stands, with the figures of `user` where one is named.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn status(&self, user: Option<&str>) -> Result<BudgetStatus, UnavailableError> {
        let mut call = STATUS.call();
        call.key(self.keys.root());
        if let Some(user) = user {
            call.arg(user);
        }
        let reply: (String, String, u64, u64, Kill, [Option<String>; 4], Counted, Counted) =
            self.redis.run(&call).await?;
        let (_word, day, day_ends_at_ms, month_ends_at_ms, (kill, reason, since), set, fleet, of_user) = reply;
        Ok(BudgetStatus {
            kill_switch: kill
                .map(|_| KillSwitch { reason: reason.unwrap_or_default(), since_ms: since.unwrap_or_default() }),
            limits: self.in_force(&set),
            day,
            day_ends_at_ms,
            month_ends_at_ms,
            fleet: spend(&fleet),
            user: user.map(|_| spend(&of_user)),
        })
    }

    fn in_force(&self, set: &[Option<String>; 4]) -> [LimitInForce; 4] {
        let configured = self.configured.in_order();
        std::array::from_fn(|i| {
            let set: Option<u64> = set[i].as_ref().and_then(|value| value.parse().ok());
            LimitInForce { limit: Limit::ALL[i], value: set.unwrap_or(configured[i]), set: set.is_some() }
        })
    }

    /// Throws the kill switch for a reason, which the log tells, or takes it back.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn set_kill_switch(&self, reason: Option<&str>) -> Result<(), UnavailableError> {
        let mut call = KILL.call();
        call.key(self.keys.root());
        if let Some(reason) = reason {
            call.arg(reason);
        }
        self.redis.run(&call).await
    }

    /// Sets a limit for the whole fleet, in tokens or micro-dollars (0: none), whatever is configured; or goes back to what
    /// is configured.
    ///
    /// # Errors
    ///
    /// As [`Self::set_limits`].
    pub async fn set_limit(&self, limit: Limit, value: Option<u64>) -> Result<(), SetLimitError> {
        self.set_limits(&[(limit, value)]).await
    }

    /// Sets several limits: all of them, or none.
    ///
    /// # Errors
    ///
    /// When a limit of money is among them and a live worker calls a model without a price, or Redis
    /// does not answer.
    pub async fn set_limits(&self, limits: &[(Limit, Option<u64>)]) -> Result<(), SetLimitError> {
        let mut call = LIMIT.call();
        call.key(self.keys.root()).arg(QueueName::ALL.len());
        for queue in QueueName::ALL {
            call.arg(queue.as_str());
        }
        for (limit, value) in limits {
            call.arg(limit.name()).arg(value.map(|value| value.to_string()).unwrap_or_default());
        }
        let mut reply = self.redis.run::<Vec<String>>(&call).await?.into_iter();
        match reply.next().as_deref() {
            Some("unpriced") => Err(SetLimitError::Unpriced { model: reply.next().unwrap_or_default() }),
            _ => Ok(()),
        }
    }
}

/// Whether an operator has set a limit of money, which calls without a price would pass by.
///
/// # Errors
///
/// When Redis does not answer.
pub(crate) async fn money_is_limited(redis: &RedisPool, keys: &Keys) -> Result<bool, UnavailableError> {
    let mut read = redis::pipe();
    let limits = [Limit::UserMicrosPerDay, Limit::FleetMicrosPerMonth];
    read.hmget(keys.budget(), &limits.map(Limit::name));
    let (set,): (Vec<Option<String>>,) = redis.query(&read).await?;
    Ok(set.iter().flatten().any(|value| value.parse::<u64>().is_ok_and(|value| value > 0)))
}

fn spend(counted: &[Option<u64>]) -> Spend {
    let at = |i: usize| counted.get(i).copied().flatten().unwrap_or_default();
    Spend {
        tokens: at(0),
        micros: at(1),
        held_tokens: at(2),
        held_micros: at(3),
        assumed_tokens: at(4),
        assumed_micros: at(5),
    }
}
