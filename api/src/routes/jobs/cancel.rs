//! `DELETE /api/v1/jobs/{id}`

use axum::extract::State;
use shared::{api_keys::Scope, queue::Cancelled};

use super::resource::JobResource;
use crate::{error::ApiError, extract::JobPath, identity::Caller, patience, state::AppState};

/// Ends the job, wherever it stands, and answers with it; 409 where it has ended already.
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
            job.map(JobResource).ok_or_else(ApiError::job_not_found)
        }
        Cancelled::Ended(in_state) => Err(ApiError::job_ended(in_state)),
        Cancelled::Unknown => Err(ApiError::job_not_found()),
    }
}
