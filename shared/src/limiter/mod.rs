//! The limiter: one limit of an upstream for the whole fleet.
//!
//! Models that share a limit are a [`Group`]. Its permits are an exact log in Redis, on Redis' clock: at most the limit in any
//! window and its guard band. A worker gets a permit together with a job, in `take`; at the upstream's door the permit is
//! moved to that moment (`begin`), so that what counts is when the call is made and not when it was allowed; and when the
//! call has ended, `end` takes up what it used and what the upstream says. The scripts of those three live in `queue/`, which
//! puts this folder's fragments together with those of the breaker.
//!
//! The guard band covers what may pass between a `begin` and the upstream's door: a worker whose `begin` was answered too
//! slowly asks again before it sends.

mod announce;
mod limits;
mod status;
mod step;
mod usage;
mod vouch;
mod withheld;

pub(crate) use announce::announce;
pub use announce::{InForce, LimitName, set_limits};
pub(crate) use limits::Announced;
pub use limits::{Group, Limits, NewRedis, TokenAccounting, Upstream};
pub use status::{LimiterStatus, limiter_status};
pub(crate) use step::heed_clock;
pub use usage::{Usage, usage};
pub use vouch::vouch;
pub use withheld::{Withheld, WithheldReason};
