//! `POST /api/ai/generate-flashcards` (legacy)

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use shared::{
    api_keys::Scope,
    job::{JobFailure, JobState, JobView},
    queue::{Accepted, Meeting, NewJob, Submitted},
};

use super::{
    LegacyCards, LegacyResult,
    request::{FlashcardsRequest, LegacyFlashcardsRequest, UserField},
};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, JsonBody, NoCache, Prefer, WaitQuery},
    identity::Caller,
    openapi::{LegacyErrors, cases},
    patience,
    request_limits::{self, Paid, Standings},
    routes::submission::{Pace, Queued, choose_wait, ended, tell_preference},
    state::AppState,
};

/// With the default limit of 50 requests per minute, and twice that for long texts.
const PACE: Pace = Pace { fastest: 10, slowest: 30, ahead_least: (6, 5), ahead_most: (12, 5) };

/// Make flashcards, as shipped apps ask for them
///
/// Accepts the job; answers with the cards if the client, or the deployment, wants to wait and they come in time. How long
/// is told by `wait`, then `Prefer`, then the deployment's `LEGACY_WAIT_SECONDS`.
#[utoipa::path(
    post,
    path = "/api/ai/generate-flashcards",
    operation_id = "generateFlashcards",
    tag = "Shipped apps",
    security(("token" = [])),
    params(WaitQuery, Prefer, IdempotencyKey, NoCache),
    request_body = LegacyFlashcardsRequest,
    responses(
        (status = 202, description = "Accepted", body = Queued,
            headers(("Preference-Applied" = String, description = "Which preference was followed")),
            links(("status" = (operation_id = "getJobStatus", parameters(("jobId" = "$response.body#/jobId"))))),
        ),
        (status = 200, description = "The job has ended in time: the cards", body = LegacyCards,
            headers(("Preference-Applied" = String, description = "Which preference was followed"))),
        LegacyErrors<(
            (cases::Identity, cases::Limited, cases::Body, cases::Lesson),
            (cases::Held, cases::Outcome, cases::Redis, cases::Room),
        )>,
    ),
)]
pub(crate) async fn generate(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    (WaitQuery(asked), prefer): (WaitQuery, Prefer),
    IdempotencyKey(idempotency_key): IdempotencyKey,
    NoCache(no_cache): NoCache,
    JsonBody(json): JsonBody,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Submit)?;
    let (wait, applied) = choose_wait(asked, &prefer, state.config.legacy_wait());
    let request = FlashcardsRequest::parse(&json)?;
    drop(json);
    let fresh = request.fresh()? || no_cache;
    let holder = caller.holder(address);
    let limited = caller.limited_address(address);
    let (payload, user) = request.validate(caller, state.config.content_max(), UserField::Required)?;
    let limits = request_limits::of_job(&state, Paid::Flashcards, &user, limited);
    let job = NewJob { fresh, idempotency_key, listed: true, ..NewJob::new(payload, user) };
    let place = (!wait.is_zero()).then(|| state.held.take(holder)).transpose()?;
    let Submitted { outcome, counted, ahead } = patience::redis(state.queue.submit(&job, &limits)).await?;
    let standings = Standings::of(counted)?;
    let accepted = match outcome {
        Ok(accepted) => accepted,
        Err(error) => return Ok(standings.tell(ApiError::from(error).into_response())),
    };
    // A request that is held should not hold its text as well.
    drop(job);

    let response = match ended(&state, accepted.id, wait).await {
        Some(job) => cards(job).unwrap_or_else(ApiError::into_response),
        None => queued(accepted, ahead),
    };
    drop(place);
    Ok(standings.tell(tell_preference(response, applied)))
}

fn cards(job: JobView) -> Result<Response, ApiError> {
    match job.state {
        JobState::Completed => match LegacyResult::of(job.result.as_deref()) {
            LegacyResult::Cards(mut cards) => {
                cards.from_cache = job.from_cache;
                Ok(Json(cards).into_response())
            }
            LegacyResult::Other(_) => Err(ApiError::internal()),
        },
        JobState::Cancelled => {
            let (code, message) = ("job_cancelled".to_owned(), "Job cancelled".to_owned());
            Err(ApiError::job_failed(JobFailure { code, message }))
        }
        _ => Err(job.failure.map_or_else(ApiError::internal, ApiError::job_failed)),
    }
}

fn queued(Accepted { id, meeting }: Accepted, ahead: u64) -> Response {
    if meeting == Meeting::Cached {
        return Queued::found(id, "Flashcards found. Poll statusUrl for the result.").into_response();
    }
    Queued::waiting(id, "Flashcard generation queued. Poll statusUrl for the result.", PACE.estimate(ahead))
        .into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, value::RawValue};

    use super::*;
    use crate::{error::legacy, tests::job};

    async fn answer(job: JobView) -> (u16, Value) {
        let response = legacy(cards(job).unwrap_or_else(ApiError::into_response));
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_job_that_ended_well_is_its_cards() {
        let result = RawValue::from_string(r#"{"flashcards":[],"tokenUsage":7}"#.to_owned()).unwrap();
        let job = JobView { result: Some(result), ..job(JobState::Completed) };
        let expected = serde_json::json!({"success": true, "flashcards": [], "tokenUsage": 7});
        assert_eq!(answer(job).await, (200, expected));
    }

    #[tokio::test]
    async fn a_job_that_did_not_is_its_reason() {
        let failure = JobFailure { code: "openai_refused".to_owned(), message: "No".to_owned() };
        let failed = JobView { failure: Some(failure), ..job(JobState::Failed) };
        let expected = serde_json::json!({"success": false, "error": "No", "code": "OPENAI_REFUSED"});
        assert_eq!(answer(failed).await, (500, expected));
        assert_eq!(answer(job(JobState::Cancelled)).await.1["error"], "Job cancelled");
    }
}
