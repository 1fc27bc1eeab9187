//! `GET /api/job-status/{jobId}` (legacy)

use axum::{Json, extract::State, response::IntoResponse};
use shared::api_keys::Scope;

use super::status_body::{NOT_FOUND, StatusBody};
use crate::{error::ApiError, extract::JobPath, identity::Caller, patience, state::AppState};

/// The job as it stands. An unknown one, or another user's, is a 200 that says so.
pub(crate) async fn status(
    State(state): State<AppState>,
    caller: Caller,
    JobPath(id): JobPath,
) -> Result<impl IntoResponse, ApiError> {
    caller.needs(Scope::Read)?;
    let job = match id {
        Some(id) => patience::redis(state.queue.job(id)).await?,
        None => None,
    };
    Ok(match job.filter(|job| caller.may_see(job)) {
        Some(job) => Json(StatusBody::from(&job)).into_response(),
        None => Json(NOT_FOUND).into_response(),
    })
}
