//! What happens to a job, as it happens.

mod job_event;
mod job_events;
mod story;

pub(crate) use job_events::job_events;
