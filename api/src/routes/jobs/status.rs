//! `GET /api/job-status/{jobId}` (legacy)

use axum::{Json, extract::State, response::IntoResponse};
use serde::Serialize;
use shared::api_keys::Scope;
use utoipa::ToSchema;

use super::status_body::{NOT_FOUND, NotFound, StatusBody};
use crate::{
    error::ApiError,
    extract::JobPath,
    identity::Caller,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

/// What is said of a job.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LegacyStatus)]
enum Told<'a> {
    Job(StatusBody<'a>),
    Unknown(NotFound),
}

/// Look at a job, as shipped apps do
///
/// The job as it stands. An unknown one, and another user's, is a 200 that says `not_found`. Times are ms since the Unix
/// epoch.
#[utoipa::path(
    get,
    path = "/api/job-status/{jobId}",
    operation_id = "getJobStatus",
    tag = "Shipped apps",
    security(("token" = [])),
    params(("jobId" = String, Path, description = "The job. Any text: one that names no job is `not_found`", min_length = 1)),
    responses(
        (status = 200, description = "The job, or that there is none", body = Told),
        LegacyErrors<(cases::Identity, cases::Redis, cases::Room)>,
    ),
)]
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
        Some(job) => Json(Told::Job(StatusBody::from(&job))).into_response(),
        None => Json(Told::Unknown(NOT_FOUND)).into_response(),
    })
}
