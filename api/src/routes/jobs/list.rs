//! `GET /api/v1/jobs`

use axum::{Json, extract::State, response::IntoResponse};
use serde::Serialize;
use shared::api_keys::Scope;

use super::resource::Body;
use crate::{error::ApiError, extract::ListQuery, identity::Caller, patience, state::AppState};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    jobs: Vec<Body<'a>>,
    /// Where to go on, where there may be more: `?cursor=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The caller's jobs that are still kept, newest first, without their results.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ListQuery(filter): ListQuery,
) -> Result<impl IntoResponse, ApiError> {
    caller.needs(Scope::Read)?;
    let page = patience::redis(state.queue.jobs_of(&caller.user()?, &filter)).await?;
    let jobs = page.jobs.iter().map(Body::from).collect();
    Ok(Json(Page { jobs, next_cursor: page.next.map(|cursor| cursor.to_string()) }).into_response())
}
