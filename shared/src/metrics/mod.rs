//! Figures of the whole fleet, which outlive the processes that counted them.
//!
//! `metrics` is one hash of counters. What an upstream was asked is counted by the step that takes up the end of a call
//! (`end.lua`). Requests are counted by each api process in memory, and what is new is added by one script every few seconds: a
//! process without traffic sends nothing.

mod figures;
mod traffic;

pub use figures::{Figures, read_figures};
pub use traffic::Traffic;
