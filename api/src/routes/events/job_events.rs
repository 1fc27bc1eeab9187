//! `GET /api/job-events?jobId=`

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use shared::{
    api_keys::Scope,
    job::{JobId, JobView},
    queue::JobChanges,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    job_event::{JobEvent, SentEvent},
    story::Story,
};
use crate::{
    error::ApiError,
    extract::{ClientAddress, QueryPairs},
    held_places::HeldPlace,
    identity::Caller,
    monitoring::OpenStream,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

const USAGE: &str = "GET /api/job-events?jobId=JOB_ID";
/// Proxies between may close a connection that is silent.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The id of a stream's last event. A browser connects again when a stream ends, and names the last id: then nothing is left to tell.
const LAST: &str = "end";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that would gather an answer before they pass it on are asked not to.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// Follow a job
///
/// A stream of server-sent events until the job has ended, whatever process works on it. Each event has an `id` and JSON in
/// `data`, with `jobId` and `timestamp` in each:
///
/// | `event` | more in `data` |
/// |---|---|
/// | `connected` | `message` |
/// | `active` | `attempt`: a worker has begun |
/// | `progress` | `progress` in percent |
/// | `completed` | `result` as in job-status, `duration` in ms since the job was accepted |
/// | `failed` | `error`, `duration`, `attemptsMade`; of a cancelled job as well |
///
/// A job that has ended gets `connected` and its end at once. The last event's id is `end`: with that as `Last-Event-ID` the
/// answer is 204, after which a browser's `EventSource` stops. Every 30 s there is a comment. When the process stops the
/// stream ends early: connect again.
#[utoipa::path(
    get,
    path = "/api/job-events",
    operation_id = "followJob",
    tag = "Jobs",
    security(("token" = [])),
    params(
        ("jobId" = String, Query, format = "uuid", description = "The job"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came, as browsers send it"),
    ),
    responses(
        (status = 200, description = "What happens", content_type = "text/event-stream", body = SentEvent,
            headers(("X-Accel-Buffering" = String, description = "`no`: proxies should pass it on as it comes")),
            example = json!("event: progress\nid: 3\ndata: {\"jobId\":\"01a20d2f-240c-7464-872f-c2ae28c5fb0a\",\"progress\":40,\"timestamp\":\"2026-11-24T10:52:04.173Z\"}\n\n")),
        (status = 204, description = "Everything was told already"),
        LegacyErrors<(cases::Identity, cases::Asked, cases::OfJob, cases::Kept, cases::Redis, cases::Room)>,
    ),
)]
pub(crate) async fn job_events(
    State(state): State<AppState>,
    caller: Caller,
    address: ClientAddress,
    query: QueryPairs,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Read)?;
    // A stream has a connection and memory for as long as it is open.
    let place = state.room.enter()?;
    let id = query.get("jobId").ok_or_else(|| ApiError::missing_parameter("jobId", USAGE))?;
    let id: JobId = id.parse().map_err(|_| ApiError::job_not_found())?;
    let job = patience::redis(state.queue.job(id)).await?;
    let job = job.filter(|job| caller.may_see(job)).ok_or_else(ApiError::job_not_found)?;
    if headers.get(LAST_EVENT_ID).is_some_and(|last| last == LAST) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let held = state.held.take(caller.holder(address))?;
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let told = Telling::new(&state, &job, (place, held)).into_stream();
    Ok(([UNBUFFERED], Sse::new(told).keep_alive(heartbeat)).into_response())
}

/// A stream under way.
struct Telling {
    changes: JobChanges,
    story: Story,
    news: VecDeque<JobEvent>,
    told: u64,
    _open: OpenStream,
    _places: (Option<OwnedSemaphorePermit>, HeldPlace),
}

impl Telling {
    fn new(state: &AppState, job: &JobView, places: (Option<OwnedSemaphorePermit>, HeldPlace)) -> Self {
        let mut story = Story::default();
        let news = story.look(job).into();
        let (changes, open) = (state.events.follow(job.id), state.monitoring.stream());
        Self { changes, story, news, told: 0, _open: open, _places: places }
    }

    /// Ends after the job's end, when the job is gone, and when the process drains.
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut telling| telling.next().await.map(|event| (Ok(event), telling)))
    }

    async fn next(&mut self) -> Option<Event> {
        while self.news.is_empty() && !self.story.ended {
            let job = self.changes.next().await?;
            self.news = self.story.look(&job).into();
        }
        let event = self.news.pop_front()?;
        self.told += 1;
        let last = self.story.ended && self.news.is_empty();
        Some(if last { event.into_sse(LAST) } else { event.into_sse(&self.told.to_string()) })
    }
}
