//! The circuit breaker: one per provider, shared by the whole fleet.
//!
//! Closed: calls go. Open: none goes until a time. Half-open: exactly one call in the whole fleet goes as a probe; enough
//! successes close it, a failure opens it for longer. It opens on failures in a row of time, and for good when the account
//! can't be used: then a slow probe, or an operator, closes it. Jobs wait meanwhile. `breaker.lua` is asked inside `take`,
//! `begin` and `end`, in the same step as the limiter.

mod operate;
mod settings;
mod settings_changed;

pub use operate::{BreakerState, BreakerStatus, breaker_status, close_breaker, open_breaker};
pub use settings::{BreakerSettings, failure_ratio};
pub use settings_changed::probe_new_settings;
