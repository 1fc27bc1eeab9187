//! The client itself.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory, traits::RequestOptionsBuilder,
};
use http::{HeaderValue, header::AUTHORIZATION};
use url::Url;

use super::{
    ChatAnswer, ChatRequest, Door, OpenAiError, RateHeaders, Usage, answer, error_body,
    exchange::{self, Reply},
    request::RequestBody,
};
use crate::{
    config::{ConfigError, OpenAiConfig},
    http_call::{Doorway, retry_after},
    queue::Witness,
    tls,
};

/// Longest time to get a connection; a provider that can't be reached is known early.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for a question about the model.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of an OpenAI-compatible API. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct OpenAi {
    http: reqwest::Client,
    client: Client<OpenAIConfig>,
    base: Url,
    key: HeaderValue,
    model: String,
}

impl fmt::Debug for OpenAi {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi").field("model", &self.model).finish_non_exhaustive()
    }
}

impl OpenAi {
    /// Prepares the client; no connection is made yet.
    ///
    /// # Errors
    ///
    /// When the address or the key can't be used in HTTP.
    pub fn new(config: &OpenAiConfig) -> Result<Self, ConfigError> {
        Self::with_timeout(config, config.timeout())
    }

    pub(super) fn with_timeout(config: &OpenAiConfig, timeout: Duration) -> Result<Self, ConfigError> {
        let base = &config.openai_base_url;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(ConfigError::new(format!("OPENAI_BASE_URL ({base}) must begin with http:// or https://")));
        }
        // async-openai panics at the first call on a key like this.
        let Ok(mut key) = HeaderValue::from_str(&format!("Bearer {}", config.openai_api_key)) else {
            return Err(ConfigError::new(
                "OPENAI_API_KEY holds a character that HTTP does not allow, such as a line break",
            ));
        };
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
            // Such as a machine without the certificates of the usual authorities (Debian's `ca-certificates`).
            .map_err(|error| ConfigError::new(format!("the HTTP client of the OpenAI API: {error:?}")))?;
        let settings = OpenAIConfig::new()
            .with_api_base(base.as_str().trim_end_matches('/'))
            .with_api_key(&config.openai_api_key)
            // Else async-openai takes these from variables that are none of ours.
            .with_org_id("")
            .with_project_id("");
        let client = Client::build(http.clone(), settings);
        Ok(Self { http, client, base: base.clone(), key, model: config.call.openai_model.clone() })
    }

    /// Asks the provider about the model, which costs nothing: whether key and account are good.
    /// <https://platform.openai.com/docs/api-reference/models/retrieve>
    pub async fn witness(&self) -> Witness {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("models").extend(self.model.split('/'));
        }
        let answer = self.http.get(url).header(AUTHORIZATION, self.key.clone()).timeout(WITNESS_TIMEOUT).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200) => Witness::Good,
            Ok(401..=403) => Witness::Bad,
            _ => Witness::Unknown,
        }
    }

    /// Asks once, when `door` lets the call go, and waits for the whole answer. The door is asked at the last moment: the
    /// connection stands by then.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none that can be used. Nothing is tried twice.
    pub async fn chat(&self, request: &ChatRequest, door: Door) -> Result<ChatAnswer, OpenAiError> {
        let closed = Arc::new(Mutex::new(None));
        let reply = self.ask(request, Doorway::new(door, Arc::clone(&closed))).await;
        if let Some(source) = closed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(OpenAiError::NotLetGo { source });
        }
        let reply = reply.map_err(|error| match error {
            // Its length is unknown: the cap is charged.
            OpenAiError::TooLarge => error.charged(Some(Usage::at_most(request))),
            error => error,
        })?;
        let told = (retry_after(&reply.headers), RateHeaders::read(&reply.headers));
        let request_id = reply.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::debug!(
            openai.request_id = request_id,
            openai.client_request_id = request.request_id,
            http.status = reply.status.as_u16(),
            "The OpenAI API answered"
        );
        if reply.status.is_success() {
            answer::read(request, &reply.body, told)
        } else {
            Err(error_body::classify(reply.status, told, &reply.body, &[&request.system, &request.user]))
        }
    }

    /// async-openai builds and signs the request; what comes back is kept from it. By itself it retries three times, drops
    /// the headers, reads without a bound, and logs a body that it can't parse, which may hold a learner's text.
    async fn ask(&self, request: &ChatRequest, doorway: Doorway) -> Result<Reply, OpenAiError> {
        let reply = Arc::new(OnceLock::new());
        let doorway = Arc::new(Mutex::new(Some(doorway)));
        let service = tower::service_fn({
            let (http, reply) = (self.http.clone(), reply.clone());
            move |factory: HttpRequestFactory| {
                let (http, reply, doorway) = (http.clone(), Arc::clone(&reply), Arc::clone(&doorway));
                async move {
                    let request = factory.build().await?;
                    let doorway = doorway.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let got = exchange::send(&http, request, doorway).await.map_err(box_error)?;
                    // Nothing asks twice, so the place is empty.
                    let _ = reply.set(got);
                    Ok::<_, OpenAIError>(reqwest::Response::from(http::Response::new("null")))
                }
            }
        });
        let client = self.client.clone().with_http_service(service);
        let chat = client.chat();
        // <https://platform.openai.com/docs/api-reference/debugging-requests>
        let chat = chat.header("x-client-request-id", &request.request_id).map_err(unbox_error)?;
        chat.create_byot::<_, ()>(RequestBody::new(&self.model, request)).await.map_err(unbox_error)?;
        drop(client);
        Arc::into_inner(reply)
            .and_then(OnceLock::into_inner)
            .ok_or(OpenAiError::Malformed { what: "nothing came back" })
    }
}

fn box_error(error: OpenAiError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// Our own error back out of async-openai's; its others come from a request that could not be built.
fn unbox_error(error: OpenAIError) -> OpenAiError {
    match error {
        OpenAIError::Reqwest(error) => error.into(),
        OpenAIError::Boxed(error) => match error.downcast() {
            Ok(error) => *error,
            Err(error) => unsendable(&error.to_string()),
        },
        other => unsendable(&other.to_string()),
    }
}

fn unsendable(message: &str) -> OpenAiError {
    OpenAiError::BadRequest { code: Some("not_sent".to_owned()), message: error_body::shorten(message) }
}
