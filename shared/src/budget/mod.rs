//! The budget: what a user may spend in a day and the fleet in a month, in tokens and in money, and a kill switch.
//!
//! # Redis structures
//!
//! `spend:user:<day>:<user>` and `spend:fleet:<month>` are hashes with what was spent (`tokens`, `micros`) and what
//! accepted jobs may yet come to (`held_tokens`, `held_micros`). Of what was
//! spent, `assumed_tokens` and `assumed_micros` are those of calls that timed out after they were
//! sent. `budget` is a hash with the kill switch and the limits that an operator has set. Money is
//! counted in whole micro-dollars.
//!
//! # Who counts
//!
//! `budget.lua` is a fragment of the queue's scripts: a job is refused, or accepted with a hold, in the same step that puts it
//! in line, and its end gives the hold back in the same step. So no number of api replicas accepts a job too many.
//! [`Budget`] is for operators.

mod allowance;
mod billing;
mod client;
mod limits;
mod price;
#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
mod usd;

pub use allowance::{Allowance, Hold};
pub use billing::{Billing, ServiceTier};
pub(crate) use client::money_is_limited;
pub use client::{Budget, BudgetStatus, KillSwitch, LimitInForce, SetLimitError, Spend};
pub use limits::{Limit, Limits};
pub use price::{PriceError, Prices};
pub use usd::{Usd, UsdError};
