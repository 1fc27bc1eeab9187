//! `GET /api/v1/jobs`

use axum::{Json, extract::State, response::IntoResponse};
use serde::Serialize;
use shared::api_keys::Scope;
use utoipa::ToSchema;

use super::resource::Job;
use crate::{
    error::ApiError,
    extract::ListQuery,
    identity::Caller,
    openapi::{Problems, cases},
    patience,
    state::AppState,
};

/// Some of a user's jobs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobPage)]
struct Page<'a> {
    jobs: Vec<Job<'a>>,
    /// Where to go on, where there may be more: `?cursor=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "1795517522861.01a20d2f-23ad-7527-abf9-e1f2cf0162ed")]
    next_cursor: Option<String>,
}

/// List the caller's jobs
///
/// Those that are still kept, newest first and without their results: the newest 1,000 at most. A page may be short, or
/// empty, and still have a `nextCursor`.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    operation_id = "listJobs",
    tag = "Jobs",
    security(("token" = [])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page of them", body = Page),
        Problems<(cases::Identity, cases::Named, cases::Listing, cases::Limited, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ListQuery(filter): ListQuery,
) -> Result<impl IntoResponse, ApiError> {
    caller.needs(Scope::Read)?;
    let page = patience::redis(state.queue.jobs_of(&caller.user()?, &filter)).await?;
    let jobs = page.jobs.iter().map(Job::from).collect();
    Ok(Json(Page { jobs, next_cursor: page.next.map(|cursor| cursor.to_string()) }).into_response())
}
