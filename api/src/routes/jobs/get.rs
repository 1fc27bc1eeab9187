//! `GET /api/v1/jobs/{id}`

use axum::extract::State;
use shared::api_keys::Scope;

use super::resource::{Job, JobResource};
use crate::{
    error::ApiError,
    extract::{ClientAddress, JobPath, WaitQuery},
    identity::Caller,
    openapi::{Problems, cases},
    patience,
    state::AppState,
};

/// Look at a job
///
/// The job as it stands; with `?wait=SECONDS` when it has ended, or as it stands after that long. A held request costs the
/// queue nothing: ask with `wait=60` again and again rather than every second.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    operation_id = "getJob",
    tag = "Jobs",
    security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The job"), WaitQuery),
    responses(
        (status = 200, description = "The job", body = Job),
        Problems<(cases::Identity, cases::Held, cases::Kept, cases::OfJob, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    WaitQuery(wait): WaitQuery,
    JobPath(id): JobPath,
) -> Result<JobResource, ApiError> {
    caller.needs(Scope::Read)?;
    let id = id.ok_or_else(ApiError::job_not_found)?;
    // Read before waiting: an unknown or foreign job, or a Redis that is away, is no reason to hold the request.
    let job = patience::redis(state.queue.job(id)).await?;
    let job = job.filter(|job| caller.may_see(job)).ok_or_else(ApiError::job_not_found)?;
    let Some(wait) = wait.filter(|wait| !wait.is_zero() && !job.state.is_final()) else {
        return Ok(JobResource::looked_at(&state, job).await);
    };
    let _place = state.held.take(caller.holder(address))?;
    let job = patience::until_ended(&state, id, wait).await?.ok_or_else(ApiError::job_not_found)?;
    Ok(JobResource::looked_at(&state, job).await)
}
