//! What may be spent.

/// A limit of the budget. `BUDGET_LIMITS` in `budget.lua` names the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Tokens of one user in a day.
    UserTokensPerDay,
    /// Micro-dollars of one user in a day.
    UserMicrosPerDay,
    /// Tokens of the fleet in a month.
    FleetTokensPerMonth,
    /// Micro-dollars of the fleet in a month.
    FleetMicrosPerMonth,
}

impl Limit {
    /// All of them, in the order in which scripts take them.
    pub const ALL: [Self; 4] =
        [Self::UserTokensPerDay, Self::UserMicrosPerDay, Self::FleetTokensPerMonth, Self::FleetMicrosPerMonth];

    /// Its name, which is also the field that an operator's value is in.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserTokensPerDay => "user_tokens_per_day",
            Self::UserMicrosPerDay => "user_micros_per_day",
            Self::FleetTokensPerMonth => "fleet_tokens_per_month",
            Self::FleetMicrosPerMonth => "fleet_micros_per_month",
        }
    }
}

/// The limits as they are configured; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Tokens that one user may spend in a day.
    pub user_tokens_per_day: u64,
    /// Micro-dollars that one user may spend in a day.
    pub user_micros_per_day: u64,
    /// Tokens that the fleet may spend in a month.
    pub fleet_tokens_per_month: u64,
    /// Micro-dollars that the fleet may spend in a month.
    pub fleet_micros_per_month: u64,
}

impl Limits {
    /// As scripts take them: in the order of [`Limit::ALL`].
    #[must_use]
    pub fn in_order(&self) -> [u64; 4] {
        Limit::ALL.map(|limit| match limit {
            Limit::UserTokensPerDay => self.user_tokens_per_day,
            Limit::UserMicrosPerDay => self.user_micros_per_day,
            Limit::FleetTokensPerMonth => self.fleet_tokens_per_month,
            Limit::FleetMicrosPerMonth => self.fleet_micros_per_month,
        })
    }
}
