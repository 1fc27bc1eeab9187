//! `POST /api/v1/flashcards`

use axum::{
    Json,
    extract::State,
    http::{
        HeaderName, StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
};
use serde::Serialize;
use shared::{
    job::{JobState, Kind, kinds::GenerateFlashcards},
    queue::NewJob,
};

use super::request::{FlashcardsRequest, UserField};
use crate::{
    error::ApiError,
    extract::{Caller, JsonBody},
    patience,
    state::AppState,
};

/// Seconds after which a first look at the job may pay; `?wait=` on the job is better.
const FIRST_LOOK: &str = "5";

/// An accepted job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    id: String,
    kind: &'static str,
    queue: &'static str,
    state: &'static str,
    status_url: String,
}

type Answer = (StatusCode, [(HeaderName, String); 2], Json<Accepted>);

/// Accepts the job and says where to look for it.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(json): JsonBody,
) -> Result<Answer, ApiError> {
    let request = FlashcardsRequest::parse(&json)?;
    let priority = request.priority()?;
    let (payload, user) = request.validate(caller, state.config.content_max(), UserField::HeaderWillDo)?;
    let job = NewJob { priority, ..NewJob::new(payload, user) };
    let id = patience::redis(state.queue.enqueue(&job)).await?;
    let status_url = format!("/api/v1/jobs/{id}");
    let headers = [(LOCATION, status_url.clone()), (RETRY_AFTER, FIRST_LOOK.to_owned())];
    let accepted = Accepted {
        id: id.to_string(),
        kind: GenerateFlashcards::NAME,
        queue: GenerateFlashcards::QUEUE.as_str(),
        state: JobState::Waiting.as_str(),
        status_url,
    };
    Ok((StatusCode::ACCEPTED, headers, Json(accepted)))
}
