//! The api as an app sees it.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use shared::job::kinds::Flashcard;

use super::lesson::Lesson;

/// The user that the sample belongs to.
pub(super) const USER: &str = "dev";
/// No answer takes longer than this, apart from the time that we ask it to wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the api.
#[derive(Debug, Clone)]
pub(super) struct Api {
    http: Client,
    base: String,
}

/// A job as `GET /api/v1/jobs/{id}` shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) state: String,
    pub(super) progress: u8,
    #[serde(default)]
    pub(super) attempts: u32,
    pub(super) result: Option<Cards>,
    pub(super) error: Option<Failure>,
}

/// What a completed job holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cards {
    pub(super) flashcards: Vec<Flashcard>,
    pub(super) token_usage: u64,
}

/// Why a job, or its last attempt, failed.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

/// The part of an RFC 9457 problem that people read.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

impl Api {
    /// The api at `base`, such as `http://127.0.0.1:3001`.
    pub(super) fn new(base: String) -> anyhow::Result<Self> {
        // A proxy that the environment names has no way to this machine's own ports.
        let http = Client::builder().no_proxy().build().context("cannot make an HTTP client")?;
        Ok(Self { http, base })
    }

    /// Whether something answers `path` with success.
    pub(super) async fn answers(&self, path: &str) -> bool {
        let request = self.http.get(format!("{}{path}", self.base)).timeout(Duration::from_secs(1));
        request.send().await.is_ok_and(|response| response.status().is_success())
    }

    /// Hands in a lesson; gives the job's id. It is generated anew, even if the same was asked for before.
    pub(super) async fn submit(&self, lesson: &Lesson) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}/api/v1/flashcards", self.base));
        let request = request.header("cache-control", "no-cache").json(lesson).timeout(PATIENCE);
        let accepted: Accepted = read(ask(request).await?).await.context("the api did not accept the lesson")?;
        Ok(accepted.id)
    }

    /// The job, when it has ended or after `wait`. `None`: the api can't say for the moment, and the job goes on.
    pub(super) async fn job(&self, id: &str, wait: Duration) -> anyhow::Result<Option<Job>> {
        let url = format!("{}/api/v1/jobs/{id}?wait={}", self.base, wait.as_secs());
        let response = ask(self.http.get(url).timeout(PATIENCE + wait)).await?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Ok(None);
        }
        read(response).await.context("the api did not show the job").map(Some)
    }
}

async fn ask(request: RequestBuilder) -> anyhow::Result<Response> {
    request.header("user-id", USER).send().await.context("the api did not answer")
}

async fn read<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let status = response.status();
    let body = response.bytes().await?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("the answer cannot be read");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}: {} ({status})", problem.code, problem.detail),
        Err(_) => bail!("{status}"),
    }
}
