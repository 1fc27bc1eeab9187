//! `DELETE /api/v1/jobs/{id}`

use axum::extract::State;
use shared::{api_keys::Scope, queue::Cancelled};

use super::resource::{Job, JobResource};
use crate::{
    error::ApiError,
    extract::JobPath,
    identity::Caller,
    openapi::{Problems, cases},
    patience,
    state::AppState,
};

/// Cancel a job
///
/// One that waits never starts; one that runs is aborted in its worker within a second, and what it has already called is
/// charged.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    operation_id = "cancelJob",
    tag = "Jobs",
    security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The job")),
    responses(
        (status = 200, description = "The job, which is cancelled", body = Job),
        Problems<(cases::Identity, cases::OfJob, cases::Cancelling, cases::Limited, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    JobPath(id): JobPath,
) -> Result<JobResource, ApiError> {
    caller.needs(Scope::Submit)?;
    let id = id.ok_or_else(ApiError::job_not_found)?;
    let job = patience::redis(state.queue.job(id)).await?;
    let job = job.filter(|job| caller.may_see(job)).ok_or_else(ApiError::job_not_found)?;
    match patience::redis(state.queue.cancel(job.queue, id)).await? {
        Cancelled::Done => {
            let job = patience::redis(state.queue.job(id)).await?;
            job.map(JobResource::from).ok_or_else(ApiError::job_not_found)
        }
        Cancelled::Ended(in_state) => Err(ApiError::job_ended(in_state)),
        Cancelled::Unknown => Err(ApiError::job_not_found()),
    }
}
