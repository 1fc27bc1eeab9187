//! Accepting a job.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Queue,
    intake::Request,
    work::{digest, idempotency_digest},
};
use crate::{
    budget::Hold,
    job::{JobId, Kind, Priority},
    redis::{UnavailableError, millis},
    request_limits::{Counted, RequestLimit},
};

/// About as many bytes as a request has beside its payload.
const OTHER_BYTES: usize = 512;

/// A job to be accepted.
#[derive(Debug, Clone)]
pub struct NewJob<K> {
    /// What is to be done.
    pub payload: K,
    /// Who asks for it.
    pub user: String,
    /// Not before this long from now.
    pub delay: Duration,
    /// How urgent it is.
    pub priority: Priority,
    /// It must be done anew: neither an earlier result nor work that is under way will do.
    pub fresh: bool,
    /// The recording that its worker needs. It is dropped when the job ends.
    pub recording: Option<Bytes>,
    /// Its user's list shows it ([`Queue::jobs_of`]).
    pub listed: bool,
    /// The caller's name for this request: repeated under it, it is still one request.
    pub idempotency_key: Option<String>,
}

impl<K> NewJob<K> {
    /// A job that someone waits for, to be done as soon as may be.
    #[must_use]
    pub fn new(payload: K, user: impl Into<String>) -> Self {
        Self {
            payload,
            user: user.into(),
            delay: Duration::ZERO,
            priority: Priority::Interactive,
            fresh: false,
            recording: None,
            listed: false,
            idempotency_key: None,
        }
    }
}

/// A job that was accepted. It is in Redis and will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: JobId,
    /// What the request met.
    pub meeting: Meeting,
}

/// What became of a request for a job.
#[derive(Debug)]
pub struct Submitted {
    /// The job, or why there is none.
    pub outcome: Result<Accepted, EnqueueError>,
    /// Where the limits of requests stand after it.
    pub counted: Counted,
    /// Jobs that wait before a new one, where it is listed.
    pub ahead: u64,
}

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// Nothing: its work is done for it.
    New,
    /// The same work of another job that has not ended: it gets that one's result.
    Joined,
    /// A result of the same work: the job is completed already.
    Cached,
    /// The same user's job for the same work, or the one that was accepted under the same idempotency key: it is that job,
    /// in whatever state.
    Known,
}

/// Why a job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// As many jobs as `QUEUE_MAX_WAITING` are unfinished already, or their payloads have `QUEUE_MAX_BYTES`.
    #[error("the queue is full: {unfinished} jobs have not ended")]
    Full {
        /// How many.
        unfinished: u64,
    },
    /// Redis has no memory left.
    #[error("Redis has no memory left")]
    OutOfMemory(#[source] UnavailableError),
    /// The user, or the address, has asked too often: [`Submitted::counted`] says by which limit.
    #[error("a limit of requests is used up")]
    Limited,
    /// An operator has suspended the user.
    #[error("the user is suspended")]
    Suspended,
    /// The idempotency key has been used for another request.
    #[error("the idempotency key has been used for another request")]
    KeyReused,
    /// An operator has thrown the kill switch of the budget.
    #[error("no job is accepted: {reason}")]
    Killed {
        /// Why, in the operator's words.
        reason: String,
    },
    /// The job could overrun the budget.
    #[error("the job could overrun the budget: {limit}")]
    OverBudget {
        /// Which limit: `user_tokens`, `user_money`, `fleet_tokens` or `fleet_money`.
        limit: String,
        /// When it begins anew, in ms since the Unix epoch.
        anew_at_ms: u64,
    },
    /// The payload has no JSON form.
    #[error("the payload can't be encoded")]
    Encode(#[from] serde_json::Error),
    /// Redis did not answer. The job may have been accepted all the same.
    #[error(transparent)]
    Unavailable(UnavailableError),
}

impl From<UnavailableError> for EnqueueError {
    fn from(error: UnavailableError) -> Self {
        if error.is_out_of_memory() { Self::OutOfMemory(error) } else { Self::Unavailable(error) }
    }
}

impl Queue {
    /// Accepts a job. When this returns `Ok`, the job is in Redis and will end, or has ended.
    ///
    /// # Errors
    ///
    /// When the queue is full, the user is suspended, the budget does not allow it, the idempotency key stands for something else, or Redis does
    /// not answer.
    pub async fn enqueue<K: Kind>(&self, job: &NewJob<K>) -> Result<Accepted, EnqueueError> {
        self.submit(job, &[]).await?.outcome
    }

    /// The same for a request that counts against `limits`, in one step: it counts against all of them or, where one of them
    /// is used up, against none, and then there is no job. A repeat under an idempotency key does not count.
    ///
    /// # Errors
    ///
    /// When the payload has no JSON form, or Redis does not answer: then the request may have been counted, and the job accepted.
    pub async fn submit<K: Kind>(&self, job: &NewJob<K>, limits: &[RequestLimit]) -> Result<Submitted, EnqueueError> {
        let id = JobId::new();
        let request = self.request(id, job, limits)?;
        let reply = self.intake.submit(self, K::QUEUE, request).await?;
        let (words, about) = reply.split_once('\n').unwrap_or((&reply, ""));
        let words: Vec<&str> = words.split(' ').collect();
        Ok(Submitted {
            outcome: read(id, words[0], about),
            ahead: words.get(1).and_then(|ahead| ahead.parse().ok()).unwrap_or_default(),
            counted: Counted::read(words.get(2..).unwrap_or_default(), limits),
        })
    }

    /// What `enqueue.lua` is asked.
    pub(super) fn request<K: Kind>(
        &self,
        id: JobId,
        job: &NewJob<K>,
        limits: &[RequestLimit],
    ) -> Result<Request, serde_json::Error> {
        let payload = serde_json::to_vec(&job.payload)?;
        let work = self.work(job, &payload).unwrap_or_default();
        let (asked, asked_for) = match &job.idempotency_key {
            Some(key) => (idempotency_digest(&job.user, key), request_digest(job, &payload)),
            None => Default::default(),
        };
        let tokens = job.payload.tokens();
        let hold = self.allowance.hold(tokens);
        let mut request = Request::with_capacity(payload.len() + OTHER_BYTES);
        request
            .arg(id.to_string())
            .arg(K::NAME)
            .arg(K::lane().as_str())
            .arg(&job.user)
            .arg(&payload)
            .number(millis(job.delay))
            .arg(job.priority.as_str())
            .number(tokens)
            .arg(work)
            .number(u8::from(job.fresh))
            .arg(asked)
            .arg(asked_for)
            .number(u8::from(job.listed));
        if hold == Hold::default() && !K::PAID {
            request.arg("").arg("");
        } else {
            request.number(hold.tokens).number(hold.micros);
        }
        Ok(request.with(job.recording.as_ref(), limits))
    }
}

/// Digest of everything that a request asks for. `fresh` is added only if set, so that stored
/// digests stay valid.
fn request_digest<K: Kind>(job: &NewJob<K>, payload: &[u8]) -> String {
    let (lane, priority) = (K::lane(), job.priority.as_str().as_bytes());
    digest([lane.as_str().as_bytes(), priority, payload].into_iter().chain(job.fresh.then_some(&b"fresh"[..])))
}

fn read(id: JobId, word: &str, about: &str) -> Result<Accepted, EnqueueError> {
    let accepted = |meeting| Ok(Accepted { id, meeting });
    match word {
        "limited" => Err(EnqueueError::Limited),
        "full" => Err(EnqueueError::Full { unfinished: about.parse().unwrap_or_default() }),
        "suspended" => Err(EnqueueError::Suspended),
        "mismatch" => Err(EnqueueError::KeyReused),
        "killed" => Err(EnqueueError::Killed { reason: about.to_owned() }),
        "over" => {
            let (limit, anew_at) = about.split_once(' ').unwrap_or((about, ""));
            Err(EnqueueError::OverBudget { limit: limit.to_owned(), anew_at_ms: anew_at.parse().unwrap_or_default() })
        }
        "known" => Ok(Accepted { id: about.parse().unwrap_or(id), meeting: Meeting::Known }),
        "joined" => accepted(Meeting::Joined),
        "cached" => accepted(Meeting::Cached),
        _ => accepted(Meeting::New),
    }
}
