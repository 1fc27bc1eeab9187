//! `GET /api/v1/jobs/{id}`

use axum::extract::State;
use shared::api_keys::Scope;

use super::resource::JobResource;
use crate::{
    error::ApiError,
    extract::{JobPath, WaitQuery},
    identity::Caller,
    patience,
    state::AppState,
};

/// The job as it stands; with `?wait=SECONDS` when it has ended, or as it stands after that long.
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    WaitQuery(wait): WaitQuery,
    JobPath(id): JobPath,
) -> Result<JobResource, ApiError> {
    caller.needs(Scope::Read)?;
    let id = id.ok_or_else(ApiError::job_not_found)?;
    // Read before waiting: an unknown or foreign job, or a Redis that is away, is no reason to hold the request.
    let job = patience::redis(state.queue.job(id)).await?;
    let job = job.filter(|job| caller.may_see(job)).ok_or_else(ApiError::job_not_found)?;
    let Some(wait) = wait.filter(|wait| !wait.is_zero() && !job.state.is_final()) else { return Ok(JobResource(job)) };
    let job = patience::until_ended(&state, id, wait).await?;
    job.map(JobResource).ok_or_else(ApiError::job_not_found)
}
