//! The API as a whole, without Redis: bad input never gets that far, and Redis may be away.

mod app;
mod bad_input;
mod dashboard;
mod docs;
mod monitoring;
mod nowhere;
mod openapi;
mod overload;
mod panics;
mod redis_away;
mod slow_clients;
mod stopping;
mod uploads;

use shared::job::{JobId, JobState, JobView, QueueName};

/// A job in `state`, for tests of what is written about it.
pub(crate) fn job(state: JobState) -> JobView {
    JobView {
        id: JobId::new(),
        kind: "generate-flashcards".to_owned(),
        queue: QueueName::Ai,
        user: "owner".to_owned(),
        state,
        attempts: 2,
        progress: 40,
        created_at_ms: 1_000,
        finished_at_ms: None,
        run_at_ms: None,
        result: None,
        from_cache: false,
        failure: None,
    }
}
