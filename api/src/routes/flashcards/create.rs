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
    job::{JobId, JobState, JobView, Kind, QueueName, kinds::GenerateFlashcards},
    queue::{Accepted, Meeting, NewJob, Submitted},
};
use utoipa::ToSchema;

use super::request::{FlashcardsRequest, UserField};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, JsonBody, NoCache},
    identity::Caller,
    openapi::{Problems, cases},
    patience,
    request_limits::{self, Standings},
    routes::jobs::{Job, JobResource},
    state::AppState,
};

/// Seconds after which a first look at the job may pay; `?wait=` on the job is better.
const FIRST_LOOK: &str = "5";

/// A job that has not ended yet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AcceptedJob)]
struct Waiting {
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "generate-flashcards")]
    kind: &'static str,
    #[schema(value_type = QueueName)]
    queue: &'static str,
    #[schema(value_type = JobState)]
    state: &'static str,
    /// Where to look for it.
    #[schema(example = "/api/v1/jobs/01a20d2b-61d7-70f2-9e32-a9474b61a22a")]
    status_url: String,
}

/// Make flashcards of a lesson text
///
/// Accepts the job and says where to look for it: `GET /api/v1/jobs/{id}?wait=60` answers when it has ended, `GET
/// /api/job-events` tells what happens to it. The same work is done once: a repeat is the same job, and work that was done
/// within a day is answered at once.
#[utoipa::path(
    post,
    path = "/api/v1/flashcards",
    operation_id = "createFlashcards",
    tag = "Flashcards",
    security(("token" = [])),
    params(IdempotencyKey, NoCache),
    request_body = FlashcardsRequest,
    responses(
        (status = 202, description = "Accepted: the job will end", body = Waiting,
            headers(
                ("Location" = String, description = "The job"),
                ("Retry-After" = u32, description = "Seconds after which a first look may pay"),
            ),
            links(("job" = (
                operation_id = "getJob",
                parameters(("id" = "$response.body#/id")),
                description = "What has become of it",
            ))),
        ),
        (status = 200, description = "The work was done already: a job that has ended", body = Job,
            headers(("Location" = String, description = "The job"))),
        Problems<(cases::Identity, cases::Limited, cases::Body, cases::Lesson, cases::Urgency, cases::Redis, cases::Room)>,
    ),
)]
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
