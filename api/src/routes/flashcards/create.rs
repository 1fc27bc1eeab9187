//! `POST /api/v1/flashcards`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use shared::{
    api_keys::Scope,
    job::kinds::GenerateFlashcards,
    queue::{NewJob, Submitted},
};

use super::request::{FlashcardsRequest, UserField};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, JsonBody, NoCache},
    identity::Caller,
    openapi::{Problems, cases},
    patience,
    request_limits::{self, Paid, Standings},
    routes::{
        jobs::Job,
        submission::{Waiting, answer},
    },
    state::AppState,
};

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
    let limited = caller.limited_address(address);
    let (payload, user) = request.validate(caller, state.config.content_max(), UserField::HeaderWillDo)?;
    let limits = request_limits::of_job(&state, Paid::Flashcards, &user, limited);
    let job = NewJob { priority, fresh, idempotency_key, listed: true, ..NewJob::new(payload, user) };
    let Submitted { outcome, counted, .. } = patience::redis(state.queue.submit(&job, &limits)).await?;
    let standings = Standings::of(counted)?;
    let response = match outcome {
        Ok(accepted) => answer::<GenerateFlashcards>(&state, accepted).await,
        Err(error) => ApiError::from(error).into_response(),
    };
    Ok(standings.tell(response))
}
