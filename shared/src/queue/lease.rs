//! A job in a worker's hands.

use super::{context::JobContext, renewer::Hold};

/// A leased job on its way to its handler: what apalis carries as a task's arguments.
#[derive(Debug)]
pub struct Lease {
    /// What the handler may know and do.
    pub(super) context: JobContext,
    /// The lane that the job waited in.
    pub(super) lane: String,
    /// The payload as it was stored.
    pub(super) payload: Vec<u8>,
    /// The slot and the renewal; the settle layer takes it out and drops it when the job is settled.
    pub(super) hold: Option<Hold>,
}

impl Lease {
    /// What the handler may know and do.
    #[must_use]
    pub const fn context(&self) -> &JobContext {
        &self.context
    }

    /// The payload as it was stored.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
