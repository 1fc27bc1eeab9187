//! The workers: processes that take jobs from the queue and run them.
//!
//! - [`registry`]: which kinds of jobs a worker runs.
//! - [`jobs`]: what is done for each kind, a module each.
//! - [`runner`]: the main of every worker binary; [`settings`]: what it can be told.
//! - [`health`]: its HTTP side.

pub mod health;
pub mod jobs;
pub mod registry;
pub mod runner;
pub mod settings;
