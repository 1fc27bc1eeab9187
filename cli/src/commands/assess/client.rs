//! The api as `assess` sees it.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use shared::config::Secret;
use url::Url;

use super::Spoken;
use crate::output::plain;

/// How long one look at the job is held.
const HOLD: Duration = Duration::from_secs(20);
/// No answer takes longer than this, apart from the time that we ask it to wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who asks.
#[derive(Debug)]
pub enum Caller {
    /// By name, where the api believes that.
    User(String),
    /// By a token, or a server's key.
    Token(Secret),
}

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    caller: Caller,
}

/// A job as `GET /api/v1/jobs/{id}` shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) state: String,
    pub(super) result: Option<Box<RawValue>>,
    error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    code: String,
    message: String,
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

impl Job {
    /// Why it has ended as it has.
    pub(super) fn reason(&self) -> String {
        match &self.error {
            Some(error) => format!("{}: {}", plain(&error.code), plain(&error.message)),
            None => plain(&self.state),
        }
    }

    /// What went wrong before, where something did.
    pub(super) fn after(&self) -> String {
        self.error.as_ref().map(|_| format!(", after {}", self.reason())).unwrap_or_default()
    }
}

impl Client {
    pub(super) fn new(base: Url, caller: Caller) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self { http: http.context("cannot make an HTTP client")?, base, caller })
    }

    /// Hands in a recording; gives the job's id.
    pub(super) async fn submit(&self, spoken: &Spoken<'_>) -> anyhow::Result<String> {
        let mut url = self.at("/api/v1/pronunciation");
        url.query_pairs_mut()
            .append_pair("referenceText", spoken.text)
            .append_pair("language", spoken.language)
            .append_pair("prosody", if spoken.prosody { "true" } else { "false" });
        let request = self.http.post(url).header("content-type", "application/octet-stream").timeout(PATIENCE);
        let accepted: Accepted = read(self.ask(request.body(spoken.audio.clone())).await?).await?;
        Ok(accepted.id)
    }

    /// The job, when it has ended or after a while. An api that is away for the moment is asked again.
    pub(super) async fn job(&self, id: &str) -> anyhow::Result<Job> {
        let mut url = self.at(&format!("/api/v1/jobs/{id}"));
        url.query_pairs_mut().append_pair("wait", &HOLD.as_secs().to_string());
        loop {
            let response = self.ask(self.http.get(url.clone()).timeout(PATIENCE)).await?;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return read(response).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let request = match &self.caller {
            Caller::User(user) => request.header("user-id", user),
            Caller::Token(token) => request.bearer_auth(token.expose()),
        };
        request.send().await.with_context(|| format!("no api answers at {}", self.base))
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let status = response.status();
    let body = response.bytes().await?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("the answer can't be read");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}: {} ({status})", plain(&problem.code), plain(&problem.detail)),
        Err(_) => bail!("the api answered {status}"),
    }
}
