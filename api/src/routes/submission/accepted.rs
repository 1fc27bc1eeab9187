//! The answer of v1 to a request for a job, whatever its kind.

use axum::{
    Json,
    http::{
        StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    job::{JobId, JobState, JobView, Kind, QueueName},
    queue::{Accepted, Meeting},
};
use utoipa::ToSchema;

use crate::{patience, routes::jobs::JobResource, state::AppState};

/// Seconds after which a first look at the job may pay; `?wait=` on the job is better.
const FIRST_LOOK: &str = "5";

/// A job that has not ended yet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AcceptedJob)]
pub(crate) struct Waiting {
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "generate-flashcards")]
    kind: &'static str,
    #[schema(value_type = QueueName)]
    queue: &'static str,
    #[schema(value_type = JobState)]
    state: &'static str,
    /// Where to look for it.
    #[schema(example = "/api/v1/jobs/01a20d2b-61d7-70f2-9e32-a9474b61a22a")]
    status_url: String,
}

/// The answer: the job to wait for, or what it came to.
pub(crate) async fn answer<K: Kind>(state: &AppState, accepted: Accepted) -> Response {
    let job = as_it_stands(state, accepted).await;
    told::<K>(accepted.id, job)
}

/// The job, where it may have ended already. It has been accepted: when Redis does not answer now, it counts as waiting.
async fn as_it_stands(state: &AppState, accepted: Accepted) -> Option<JobView> {
    match accepted.meeting {
        Meeting::New | Meeting::Joined => None,
        Meeting::Cached | Meeting::Known => patience::redis(state.queue.job(accepted.id)).await.ok().flatten(),
    }
}

fn told<K: Kind>(id: JobId, job: Option<JobView>) -> Response {
    let status_url = format!("/api/v1/jobs/{id}");
    let location = [(LOCATION, status_url.clone())];
    let state = match job {
        Some(job) if job.state.is_final() => return (location, JobResource::from(job)).into_response(),
        job => job.map_or(JobState::Waiting, |job| job.state),
    };
    let waiting =
        Waiting { id: id.to_string(), kind: K::NAME, queue: K::QUEUE.as_str(), state: state.as_str(), status_url };
    (StatusCode::ACCEPTED, location, [(RETRY_AFTER, FIRST_LOOK)], Json(waiting)).into_response()
}
