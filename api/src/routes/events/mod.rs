//! What happens to a job, as it happens.

mod job_event;
mod job_events;
mod story;

pub(crate) use job_events::job_events;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(job_events::job_events))]
pub(crate) struct Document;
