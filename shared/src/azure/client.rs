//! The client itself.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{AzureError, Heard, Question, answer, ending::end_of};
use crate::{
    config::{AzureConfig, ConfigError},
    http_call::{Door, Doorway, read_up_to, retry_after},
    job::JobError,
    queue::Call,
    tls,
};

/// Longest time to get a connection; a service that can't be reached is known early.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer that is read. Half a minute of fast speech, with every sound of it, is about 40 KB.
const ANSWER_BYTES: usize = 1024 * 1024;
const KEY: &str = "ocp-apim-subscription-key";
const SETTINGS: &str = "pronunciation-assessment";

/// Status, how long to wait where that is said, and the body of a good answer.
type Reply = (StatusCode, Option<Duration>, Vec<u8>);

/// A client of Azure Speech. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Azure {
    http: reqwest::Client,
    base: Url,
    key: HeaderValue,
}

impl fmt::Debug for Azure {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Azure {
    /// Prepares the client; no connection is made yet.
    ///
    /// # Errors
    ///
    /// When the address or the key can't be used in HTTP.
    pub fn new(config: &AzureConfig) -> Result<Self, ConfigError> {
        Self::with_timeout(config, config.timeout())
    }

    pub(super) fn with_timeout(config: &AzureConfig, timeout: Duration) -> Result<Self, ConfigError> {
        let base = config.base_url()?;
        let mut key = HeaderValue::from_str(&config.azure_speech_key).map_err(|_| {
            ConfigError::new("AZURE_SPEECH_KEY holds a character that HTTP does not allow, such as a line break")
        })?;
        key.set_sensitive(true);
        tls::install();
        let http = reqwest::Client::builder()
            .user_agent(concat!("unilingo/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            // One permit is one request: nothing below the queue sends a second one.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ConfigError::new(format!("the HTTP client of Azure Speech: {error:?}")))?;
        Ok(Self { http, base, key })
    }

    /// Has a recording assessed, in one call of the job: it goes when `call` has a permit, and how it ended goes to the
    /// limiter and the breaker.
    ///
    /// # Errors
    ///
    /// When there is no result; the error says what becomes of the job.
    pub async fn assess(&self, question: &Question<'_>, call: &Call) -> Result<Heard, JobError> {
        let door = call.clone();
        let outcome = self.ask(question, Box::pin(async move { door.begin().await })).await;
        call.end(end_of(&outcome)).await;
        Ok(outcome?)
    }

    /// Asks once, when `door` lets the call go, and waits for the whole answer. The door is asked at the last moment: the
    /// connection stands by then.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none that can be used. Nothing is tried twice.
    pub async fn ask(&self, question: &Question<'_>, door: Door) -> Result<Heard, AzureError> {
        let closed = Arc::new(Mutex::new(None));
        let reply = self.send(question, Doorway::new(door, Arc::clone(&closed))).await;
        if let Some(source) = closed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(AzureError::NotLetGo { source });
        }
        let (status, wait, body) = reply?;
        tracing::debug!(
            azure.client_request_id = question.request_id,
            http.status = status.as_u16(),
            "Azure Speech answered"
        );
        match status.as_u16() {
            200..=299 => answer::read(&body),
            401 | 403 => Err(AzureError::KeyRejected { status: status.as_u16() }),
            429 => Err(AzureError::RateLimited { retry_after: wait }),
            // What is the recording's own fault. Another 4xx, such as a 404, would be the same for every recording.
            400 | 413 | 415 | 422 => Err(AzureError::Rejected { status: status.as_u16() }),
            status => Err(AzureError::Server { status, retry_after: wait }),
        }
    }

    async fn send(&self, question: &Question<'_>, doorway: Doorway) -> Result<Reply, AzureError> {
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| AzureError::NotSent);
        let mut settings = header(&question.header())?;
        settings.set_sensitive(true);
        let recording = question.recording;
        let request = self
            .http
            .request(Method::POST, question.url(&self.base))
            .header(KEY, self.key.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, recording.content_type.as_str())
            .header(SETTINGS, settings)
            .header("x-client-request-id", header(question.request_id)?)
            .body(doorway.body(recording.bytes.clone()));
        let mut response = request.send().await?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        if !status.is_success() {
            return Ok((status, wait, Vec::new()));
        }
        match read_up_to(&mut response, ANSWER_BYTES).await? {
            (body, true) => Ok((status, wait, body)),
            (_, false) => Err(AzureError::Malformed { what: "it is too large" }),
        }
    }
}
