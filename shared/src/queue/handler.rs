//! Handlers and the kinds that they are for.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use serde_json::value::RawValue;

use super::JobContext;
use crate::job::{JobError, Kind, Lane};

/// Runs jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    /// What it runs.
    type Payload: Kind;

    /// Makes one attempt. The result is JSON that the job's owner reads; an error says what becomes of the job.
    fn run(
        &self,
        job: JobContext,
        payload: Self::Payload,
    ) -> impl Future<Output = Result<Box<RawValue>, JobError>> + Send;
}

/// An attempt that runs.
pub(super) type Attempt = Pin<Box<dyn Future<Output = Result<Box<RawValue>, JobError>> + Send>>;

type Start = Box<dyn Fn(JobContext, &[u8]) -> Result<Attempt, JobError> + Send + Sync>;

/// The kinds that a worker knows, each with its handler.
#[derive(Default)]
pub struct Registry {
    by_lane: HashMap<Lane, Start>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_lane.keys()).finish()
    }
}

impl Registry {
    /// No kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with `handler` for its kind.
    #[must_use]
    pub fn with<H: Handler>(mut self, handler: H) -> Self {
        let handler = Arc::new(handler);
        let start = move |job: JobContext, payload: &[u8]| {
            let payload: H::Payload = serde_json::from_slice(payload).map_err(|error| undecodable(&error))?;
            let handler = Arc::clone(&handler);
            Ok(Box::pin(async move { handler.run(job, payload).await }) as Attempt)
        };
        self.by_lane.insert(H::Payload::lane(), Box::new(start));
        self
    }

    /// The lanes of the known kinds, sorted.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane> {
        let mut lanes: Vec<Lane> = self.by_lane.keys().cloned().collect();
        lanes.sort_unstable();
        lanes
    }

    pub(super) fn start(&self, lane: &str, job: JobContext, payload: &[u8]) -> Result<Attempt, JobError> {
        match self.by_lane.get(lane) {
            Some(start) => start(job, payload),
            None => Err(JobError::retry("unknown_kind", "This worker does not know the kind of the job")),
        }
    }
}

/// A payload of a known version that does not decode. It is tried again, since a build with a mended decoder may come,
/// and buried after its attempts. The text of serde's error could hold the learner's, so only its place is kept.
fn undecodable(error: &serde_json::Error) -> JobError {
    let (line, column) = (error.line(), error.column());
    JobError::retry("undecodable_payload", format!("The stored payload can't be read (line {line}, column {column})"))
}
