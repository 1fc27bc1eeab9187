//! The queue: an apalis backend over our own Lua.
//!
//! # Redis structures
//!
//! A job is a hash, with its payload and, in the end, its result in it: one key is found faster than three. Its checkpoints
//! and the record of its failed attempts are keys of their own, which most jobs never have. Where a job stands is told by the index that it is in: `waiting` (one
//! sorted set a lane and class, by rank), `scheduled` (by due time), `leases` (by the lease's end), `done` and `dead` (by
//! the time of the end). `deadlines` holds every job that has not ended, whatever it is doing, so that a 202 always has
//! an end. Each change is one script: a job is never in two places and never in none.
//!
//! # How a job gets in
//!
//! Requests go through the intake of their process, which sends those that come at once in one call of `enqueue.lua`. Its head reads what
//! all of them need, `accept` answers one after another, and its end writes what they have added together.
//!
//! # How a worker gets a job
//!
//! `enqueue` sets a marker in the lane's `wake` set; one idle worker, blocked in `BZPOPMIN`, gets the marker and
//! calls `take`, which leases up to as many jobs as the worker has free slots. A worker that was full when the marker came
//! takes again by itself when a slot is free. A lost marker costs one fallback poll.
//!
//! Only this folder names apalis: a worker is an apalis worker over [`RedisBackend`], whose layer settles. See
//! `ARCHITECTURE.md` for why this is not `apalis-redis`.

mod announcer;
mod backend;
mod call;
mod cancel;
mod checkpoint;
mod client;
mod context;
mod enqueue;
mod events;
mod fetcher;
mod figures;
mod handler;
mod idle;
mod index_page;
mod inspect;
mod intake;
mod lease;
mod leave;
mod line_figures;
mod list;
mod outcome;
mod pause;
mod read;
mod ready;
mod recording;
mod renew;
mod renewer;
mod revocations;
mod settle;
mod settle_layer;
mod stats;
mod take;
#[cfg(feature = "testing")]
mod taker;
mod work;
mod worker;

pub use backend::{BackendOptions, RedisBackend};
pub use call::{Call, CallEnd, Ending, Verdict, Witness};
pub use cancel::Cancelled;
pub use client::Queue;
pub use context::JobContext;
pub use enqueue::{Accepted, EnqueueError, Meeting, NewJob, Submitted};
pub use events::{JobChanges, JobEvents};
pub use figures::QueueFigures;
pub use handler::{Handler, Registry};
pub use index_page::{IndexPage, IndexedJob, JobIndex, JobOrder, JobSpan};
pub use inspect::{FailedAttempt, JobDetail};
pub use lease::Lease;
pub use line_figures::{ClassFigures, LineFigures, line_figures};
pub use list::{Cursor, JobFilter, JobPage, ParseCursorError};
pub use pause::{QueueStatus, pause_queue, queue_status, resume_queue};
pub use settle::DEAD_MAX;
pub use stats::WorkerStats;
#[cfg(feature = "testing")]
pub use taker::Taker;
pub use worker::Worker;

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
