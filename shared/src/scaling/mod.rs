//! How many replicas of each service are needed.
//!
//! What is decided is a pure function of figures: [`workers()`] and [`api()`]; [`Hysteresis`] keeps one who follows the advice
//! from swinging. Reading the figures is [`crate::fleet`]'s matter, and [`advise`] brings both together.
//!
//! Workers wait for an upstream most of the time, so slots are what is short, and the limit of the upstream decides how many
//! of them it can keep busy: its rate times the time of a call. Beyond that a worker more does nothing but wait.

mod advice;
mod api;
mod hysteresis;
mod service;
#[cfg(test)]
mod tests;
mod whole;
mod workers;

pub use advice::{Advice, Bounds, Reason};
pub use api::{ApiFigures, api};
pub use hysteresis::Hysteresis;
pub use service::Service;
pub use whole::{advise, figures_of};
pub use workers::{Held, Window, WorkerFigures, workers};
