//! The workers that live: each says so every ten seconds, and what nobody says any more is forgotten.
//!
//! # Redis structures
//!
//! `workers:<queue>` is an index of the workers that take jobs of a queue, by when each is taken for gone. `worker:<worker>` is a
//! hash of what one says of itself. A worker that stops withdraws as soon as it takes nothing more; one that was killed is
//! listed for 30 s.

mod live;
mod register;

pub use live::{LiveWorker, live_workers};
pub(crate) use register::{Card, Load, PaidModel, register};
