//! `POST /api/v1/pronunciation`

use axum::{
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use shared::{
    api_keys::Scope,
    job::kinds::AssessPronunciation,
    queue::{NewJob, Submitted},
};

use super::request::{Asked, PronunciationForm, PronunciationQuery, Unnamed};
use crate::{
    error::ApiError,
    extract::{ClientAddress, IdempotencyKey, NoCache, Upload},
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

/// Have a recording assessed
///
/// Accepts the recording as a job and says where to look for it: `GET /api/v1/jobs/{id}?wait=60` answers when it has ended.
/// The recording is in a form, or is the body itself, with the text in the query. It is dropped when the job has ended. The same
/// recording of the same text is assessed once.
#[utoipa::path(
    post,
    path = "/api/v1/pronunciation",
    operation_id = "assessPronunciation",
    tag = "Pronunciation",
    security(("token" = [])),
    params(PronunciationQuery, IdempotencyKey, NoCache),
    request_body(content(
        (PronunciationForm = "multipart/form-data"),
        (Vec<u8> = "audio/*"),
    )),
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
        Problems<(cases::Identity, cases::Limited, cases::Recording, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    NoCache(fresh): NoCache,
    request: Request,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Submit)?;
    let limited = caller.limited_address(address);
    if let (Ok(user), None) = (caller.user(), &idempotency_key) {
        request_limits::refuse_early(&state, Paid::Pronunciation, &user, limited).await?;
    }
    let upload = Upload::from_request(request, &state).await?;
    let priority = caller.priority();
    let Asked { payload, recording, user, room } = Asked::of(upload, caller, Unnamed::Refused)?;
    let limits = request_limits::of_job(&state, Paid::Pronunciation, &user, limited);
    let turn = state.uploads.turn(recording.len()).await?;
    let recording = Some(recording);
    let job = NewJob { priority, fresh, idempotency_key, recording, listed: true, ..NewJob::new(payload, user) };
    let Submitted { outcome, counted, .. } = patience::redis(state.queue.submit(&job, &limits)).await?;
    drop((job, room, turn));
    let standings = Standings::of(counted)?;
    let response = match outcome {
        Ok(accepted) => answer::<AssessPronunciation>(&state, accepted).await,
        Err(error) => ApiError::from(error).into_response(),
    };
    Ok(standings.tell(response))
}
