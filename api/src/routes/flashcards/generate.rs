//! `POST /api/ai/generate-flashcards` (legacy)

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    api_keys::Scope,
    job::{JobFailure, JobId, JobState, JobView},
    queue::{Accepted, Meeting, NewJob, Submitted},
};
use utoipa::ToSchema;

use super::{
    LegacyCards, LegacyResult,
    estimate::estimate,
    request::{FlashcardsRequest, LegacyFlashcardsRequest, UserField},
};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, JsonBody, NoCache, Prefer, WaitQuery},
    identity::Caller,
    openapi::{LegacyErrors, cases},
    patience,
    request_limits::{self, Standings},
    state::AppState,
};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A job that was accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LegacyAccepted)]
struct Queued {
    success: bool,
    #[schema(example = "Flashcard generation queued. Poll statusUrl for the result.")]
    message: &'static str,
    #[schema(format = "uuid")]
    job_id: String,
    /// `completed` where earlier cards are the answer.
    #[schema(pattern = "^(queued|completed)$", example = "queued")]
    status: &'static str,
    #[schema(example = "/api/job-status/01a20d2f-240c-7464-872f-c2ae28c5fb0a")]
    status_url: String,
    #[schema(example = "10-30 seconds")]
    estimated_time: String,
    /// The cards are earlier ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_cache: bool,
}

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
    let request = FlashcardsRequest::parse(&json)?;
    drop(json);
    let fresh = request.fresh()? || no_cache;
    let (payload, user) = request.validate(caller, state.config.content_max(), UserField::Required)?;
    let limits = request_limits::of_job(&state, &user, address);
    let job = NewJob { fresh, idempotency_key, listed: true, ..NewJob::new(payload, user) };
    let Submitted { outcome, counted, ahead } = patience::redis(state.queue.submit(&job, &limits)).await?;
    let standings = Standings::of(counted)?;
    let accepted = match outcome {
        Ok(accepted) => accepted,
        Err(error) => return Ok(standings.tell(ApiError::from(error).into_response())),
    };
    // A request that is held should not hold its text as well.
    drop(job);

    let (wait, applied) = choose_wait(asked, &prefer, state.config.legacy_wait());
    let mut response = match ended(&state, accepted.id, wait).await {
        Some(job) => cards(job).unwrap_or_else(ApiError::into_response),
        None => queued(accepted, ahead),
    };
    if let Some(applied) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(standings.tell(response))
}

/// How long to hold the request, and which preference that honours: the query speaks for this request, `Prefer` for the
/// client, the setting for the deployment.
fn choose_wait(asked: Option<Duration>, prefer: &Prefer, default: Duration) -> (Duration, Option<HeaderValue>) {
    if let Some(asked) = asked {
        return (asked, None);
    }
    match prefer {
        Prefer { wait: Some(wait), .. } => (*wait, HeaderValue::try_from(format!("wait={}", wait.as_secs())).ok()),
        Prefer { respond_async: true, .. } => (Duration::ZERO, Some(HeaderValue::from_static("respond-async"))),
        Prefer { .. } => (default, None),
    }
}

/// The job, if it ends in time. A Redis that goes away meanwhile is no error here: the job has been accepted, and a client
/// that is told otherwise sends it again.
async fn ended(state: &AppState, id: JobId, wait: Duration) -> Option<JobView> {
    if wait.is_zero() {
        return None;
    }
    let job = patience::until_ended(state, id, wait).await.ok().flatten();
    job.filter(|job| job.state.is_final())
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
        return accepted(id, true, "Flashcards found. Poll statusUrl for the result.", "0 seconds".to_owned());
    }
    accepted(id, false, "Flashcard generation queued. Poll statusUrl for the result.", estimate(ahead))
}

fn accepted(id: JobId, from_cache: bool, message: &'static str, estimated_time: String) -> Response {
    let body = Queued {
        success: true,
        message,
        job_id: id.to_string(),
        status: if from_cache { "completed" } else { "queued" },
        status_url: format!("/api/job-status/{id}"),
        estimated_time,
        from_cache,
    };
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, value::RawValue};

    use super::*;
    use crate::{error::legacy, tests::job};

    fn chosen(asked: Option<u64>, prefer: &Prefer) -> (u64, Option<String>) {
        let default = Duration::from_secs(55);
        let (wait, applied) = choose_wait(asked.map(Duration::from_secs), prefer, default);
        (wait.as_secs(), applied.map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_query_wins_then_prefer_then_the_setting() {
        let wait = Prefer { wait: Some(Duration::from_secs(9)), respond_async: true };
        let at_once = Prefer { wait: None, respond_async: true };
        assert_eq!(chosen(Some(0), &wait), (0, None));
        assert_eq!(chosen(None, &wait), (9, Some("wait=9".to_owned())));
        assert_eq!(chosen(None, &at_once), (0, Some("respond-async".to_owned())));
        assert_eq!(chosen(None, &Prefer::default()), (55, None));
    }

    async fn answer(job: JobView) -> (u16, Value) {
        let response = legacy(cards(job).unwrap_or_else(ApiError::into_response)).await;
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
