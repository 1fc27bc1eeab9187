//! `POST /api/pronunciation-assess` (legacy)

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use shared::{
    api_keys::Scope,
    job::{JobFailure, JobState, JobView, kinds::AssessedPronunciation},
    queue::{Accepted, Meeting, NewJob, Submitted},
};

use super::request::{Asked, PronunciationForm, Unnamed};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, NoCache, Prefer, Upload, WaitQuery},
    identity::Caller,
    openapi::{LegacyErrors, cases},
    patience,
    request_limits::{self, Paid, Standings},
    routes::submission::{Pace, Queued, choose_wait, ended, tell_preference},
    state::AppState,
};

/// Shipped apps read the scores from this answer.
const WAIT: Duration = Duration::from_secs(55);
/// With the default of 20 recordings at once, each of which takes about as long as it is.
const PACE: Pace = Pace { fastest: 2, slowest: 8, ahead_least: (1, 20), ahead_most: (1, 5) };

/// Have a recording assessed, as shipped apps ask for it
///
/// Answers with the scores, or after 55 seconds, or as long as `wait` or `Prefer` say, with the job that goes on.
#[utoipa::path(
    post,
    path = "/api/pronunciation-assess",
    operation_id = "assessPronunciationAndWait",
    tag = "Shipped apps",
    security(("token" = [])),
    params(WaitQuery, Prefer, IdempotencyKey, NoCache),
    request_body(content = PronunciationForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, description = "Accepted", body = Queued,
            headers(("Preference-Applied" = String, description = "Which preference was followed")),
            links(("status" = (operation_id = "getJobStatus", parameters(("jobId" = "$response.body#/jobId"))))),
        ),
        (status = 200, description = "The job has ended in time: the scores", body = AssessedPronunciation,
            headers(("Preference-Applied" = String, description = "Which preference was followed"))),
        LegacyErrors<(
            (cases::Identity, cases::Limited, cases::Recording),
            (cases::Held, cases::Assessing, cases::Redis, cases::Room),
        )>,
    ),
)]
pub(crate) async fn assess(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    (WaitQuery(asked), prefer): (WaitQuery, Prefer),
    IdempotencyKey(idempotency_key): IdempotencyKey,
    NoCache(fresh): NoCache,
    request: Request,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Submit)?;
    let limited = caller.limited_address(address);
    if let (Ok(user), None) = (caller.user(), &idempotency_key) {
        request_limits::refuse_early(&state, Paid::Pronunciation, &user, limited).await?;
    }
    let (wait, applied) = choose_wait(asked, &prefer, WAIT);
    let holder = caller.holder(address);
    let upload = Upload::from_request(request, &state).await?;
    let Asked { payload, recording, user, room } = Asked::of(upload, caller, Unnamed::Address(address))?;
    let limits = request_limits::of_job(&state, Paid::Pronunciation, &user, limited);
    let turn = state.uploads.turn(recording.len()).await?;
    let recording = Some(recording);
    let job = NewJob { fresh, idempotency_key, recording, listed: true, ..NewJob::new(payload, user) };
    let place = (!wait.is_zero()).then(|| state.held.take(holder)).transpose()?;
    let Submitted { outcome, counted, ahead } = patience::redis(state.queue.submit(&job, &limits)).await?;
    // A request that is held should not hold its recording as well.
    drop((job, room, turn));
    let standings = Standings::of(counted)?;
    let accepted = match outcome {
        Ok(accepted) => accepted,
        Err(error) => return Ok(standings.tell(ApiError::from(error).into_response())),
    };
    let response = match ended(&state, accepted.id, wait).await {
        Some(job) => scores(job).unwrap_or_else(ApiError::into_response),
        None => queued(accepted, ahead),
    };
    drop(place);
    Ok(standings.tell(tell_preference(response, applied)))
}

fn scores(job: JobView) -> Result<Response, ApiError> {
    match job.state {
        JobState::Completed => job.result.map(|result| Json(result).into_response()).ok_or_else(ApiError::internal),
        JobState::Cancelled => {
            let (code, message) = ("job_cancelled".to_owned(), "Job cancelled".to_owned());
            Err(ApiError::assessment_failed(JobFailure { code, message }))
        }
        _ => Err(job.failure.map_or_else(ApiError::internal, ApiError::assessment_failed)),
    }
}

fn queued(Accepted { id, meeting }: Accepted, ahead: u64) -> Response {
    if meeting == Meeting::Cached {
        return Queued::found(id, "Assessment found. Poll statusUrl for the result.").into_response();
    }
    Queued::waiting(id, "Pronunciation assessment queued. Poll statusUrl for the result.", PACE.estimate(ahead))
        .into_response()
}
