//! `POST /api/v1/flashcards`

use axum::{
    Json,
    extract::State,
    http::{
        StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    api_keys::Scope,
    job::{JobId, JobState, JobView, Kind, kinds::GenerateFlashcards},
    queue::{Accepted, Meeting, NewJob, Submitted},
};

use super::request::{FlashcardsRequest, UserField};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, JsonBody, NoCache},
    identity::Caller,
    patience,
    request_limits::{self, Standings},
    routes::jobs::JobResource,
    state::AppState,
};

/// Seconds after which a first look at the job may pay; `?wait=` on the job is better.
const FIRST_LOOK: &str = "5";

/// A job that has not ended yet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    id: String,
    kind: &'static str,
    queue: &'static str,
    state: &'static str,
    status_url: String,
}

/// Accepts the job and says where to look for it; work that was done already is answered at once.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    NoCache(no_cache): NoCache,
    JsonBody(json): JsonBody,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Submit)?;
    let request = FlashcardsRequest::parse(&json)?;
    let (priority, fresh) = (request.priority(&caller)?, request.fresh()? || no_cache);
    let (payload, user) = request.validate(caller, state.config.content_max(), UserField::HeaderWillDo)?;
    let limits = request_limits::of_job(&state, &user, address);
    let job = NewJob { priority, fresh, idempotency_key, listed: true, ..NewJob::new(payload, user) };
    let Submitted { outcome, counted, .. } = patience::redis(state.queue.submit(&job, &limits)).await?;
    let standings = Standings::of(counted)?;
    let response = match outcome {
        Ok(accepted) => answer(accepted.id, as_it_stands(&state, accepted).await),
        Err(error) => ApiError::from(error).into_response(),
    };
    Ok(standings.tell(response))
}

/// The job, where it may have ended already. It has been accepted: when Redis does not answer now, it counts as waiting.
async fn as_it_stands(state: &AppState, accepted: Accepted) -> Option<JobView> {
    match accepted.meeting {
        Meeting::New | Meeting::Joined => None,
        Meeting::Cached | Meeting::Known => patience::redis(state.queue.job(accepted.id)).await.ok().flatten(),
    }
}

fn answer(id: JobId, job: Option<JobView>) -> Response {
    let status_url = format!("/api/v1/jobs/{id}");
    let location = [(LOCATION, status_url.clone())];
    let state = match job {
        Some(job) if job.state.is_final() => return (location, JobResource(job)).into_response(),
        job => job.map_or(JobState::Waiting, |job| job.state),
    };
    let waiting = Waiting {
        id: id.to_string(),
        kind: GenerateFlashcards::NAME,
        queue: GenerateFlashcards::QUEUE.as_str(),
        state: state.as_str(),
        status_url,
    };
    (StatusCode::ACCEPTED, location, [(RETRY_AFTER, FIRST_LOOK)], Json(waiting)).into_response()
}
