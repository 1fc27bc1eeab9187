//! The client itself.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory, traits::RequestOptionsBuilder,
};

use super::{
    ChatAnswer, ChatRequest, Door, Fault, Misconfiguration, OpenAiError, RateHeaders, Usage, answer,
    endpoint::Endpoint,
    error_body,
    exchange::{self, Reply},
    model_finding::ModelFinding,
    parameters::{CallParameters, Defaults, Learned, Next, ParameterStore, Refusal, next},
    request::RequestBody,
};
use crate::{
    config::{ConfigError, OpenAiConfig},
    http_call::{Doorway, retry_after},
    queue::Witness,
    tls, tokens,
};

/// Longest time to get a connection; a provider that can't be reached is known early.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for a question about the model.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);

/// No answer has shown how much the model thinks.
const NOTHING_SEEN: u32 = u32::MAX;

/// A client of an OpenAI-compatible API. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct OpenAi {
    http: reqwest::Client,
    client: Client<OpenAIConfig>,
    endpoint: Endpoint,
    model: String,
    defaults: Defaults,
    /// Whether thoughts took an answer's room, since this process began.
    thinks: Arc<AtomicBool>,
    /// Most tokens that a whole answer's thoughts took since then.
    thoughts: Arc<AtomicU32>,
    /// What the fleet has learned about parameters; without it a refused parameter is a rejected call.
    store: Option<ParameterStore>,
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
        let endpoint = Endpoint::new(config)?;
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
            // Address and key are the endpoint's; else async-openai takes all of these from variables that
            // are none of ours.
            .with_api_base("http://localhost")
            .with_api_key("")
            .with_org_id("")
            .with_project_id("");
        let client = Client::build(http.clone(), settings);
        let (model, defaults) = (config.call.openai_model.clone(), Defaults::new(config));
        Ok(Self {
            http,
            client,
            endpoint,
            model,
            defaults,
            thinks: Arc::default(),
            thoughts: Arc::new(AtomicU32::new(NOTHING_SEEN)),
            store: None,
        })
    }

    /// Asks the provider about the model, which costs nothing: whether key and account are good.
    /// <https://platform.openai.com/docs/api-reference/models/retrieve>
    pub async fn witness(&self) -> Witness {
        let request = self.endpoint.model(&self.http, &self.model).timeout(WITNESS_TIMEOUT);
        match request.send().await.map(|answer| answer.status().as_u16()) {
            Ok(200) => Witness::Good,
            Ok(401..=403) => Witness::Bad,
            _ => Witness::Unknown,
        }
    }

    /// What the provider says of the model, which costs nothing; `None` where it says nothing.
    pub(super) async fn look_at_model(&self) -> Option<ModelFinding> {
        let request = self.endpoint.model(&self.http, &self.model).timeout(WITNESS_TIMEOUT).build().ok()?;
        let reply = exchange::send(&self.http, request, None).await.ok()?;
        ModelFinding::read(reply.status.as_u16(), &reply.body)
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Shares with the fleet what refusals teach about the parameters that the upstream accepts.
    #[must_use]
    pub fn sharing(mut self, store: ParameterStore) -> Self {
        self.store = Some(store);
        self
    }

    /// The most output tokens that a call may ask for: `configured`, or less where the upstream has
    /// refused that.
    pub async fn max_output_tokens(&self, configured: u32) -> u32 {
        self.parameters().await.cap(configured)
    }

    /// Tokens that the model thinks before it answers; `None` where nobody knows how many.
    pub async fn reasoning_tokens(&self) -> Option<u32> {
        // Its thoughts took the room of an answer before: what its name says is wrong.
        if self.thinks.load(Relaxed) {
            return None;
        }
        let seen = Some(self.thoughts.load(Relaxed)).filter(|seen| *seen != NOTHING_SEEN);
        self.defaults.reasoning_tokens(self.parameters().await.effort, seen)
    }

    fn note_thoughts(&self, outcome: &Result<ChatAnswer, OpenAiError>) {
        match outcome {
            Ok(answer) => {
                let most = |seen| Some(if seen == NOTHING_SEEN { answer.thoughts } else { answer.thoughts.max(seen) });
                let _ = self.thoughts.fetch_update(Relaxed, Relaxed, most);
            }
            Err(OpenAiError::CutOff { thoughts: true, .. }) if !self.thinks.swap(true, Relaxed) => tracing::warn!(
                openai.model = self.model,
                setting = "OPENAI_REASONING_EFFORT",
                "The model's thoughts took the room of its answer: calls reserve OPENAI_MAX_OUTPUT_TOKENS from now on"
            ),
            Err(_) => {}
        }
    }

    async fn parameters(&self) -> CallParameters {
        let learned = match &self.store {
            Some(store) => store.learned().await,
            None => Learned::default(),
        };
        self.defaults.with(learned)
    }

    /// Asks once, when `door` lets the call go, and waits for the whole answer. The door is asked at the last moment: the
    /// connection stands by then.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none that can be used. Nothing is tried twice.
    pub async fn chat(&self, request: &ChatRequest, door: Door) -> Result<ChatAnswer, OpenAiError> {
        let parameters = self.parameters().await;
        let closed = Arc::new(Mutex::new(None));
        let reply = self.ask(request, &parameters, Doorway::new(door, Arc::clone(&closed))).await;
        if let Some(source) = closed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(OpenAiError::NotLetGo { source });
        }
        let reply = reply.map_err(|error| match error {
            // What they used is unknown: the cap is charged. Of a timeout the budget assumes it.
            OpenAiError::TooLarge | OpenAiError::Timeout { .. } => {
                error.charged(Some(Usage::at_most(request, parameters.cap(request.max_output_tokens))))
            }
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
            let outcome = answer::read(request, &reply.body, told);
            self.note_thoughts(&outcome);
            outcome.map_err(|error| error.of_request(request_id))
        } else {
            if let Some(error) = self.adapt(request, &parameters, &reply, request_id).await {
                return Err(error);
            }
            let error = error_body::classify(reply.status, told, &reply.body, &[&request.system, &request.user]);
            Err(error.of_request(request_id))
        }
    }

    /// Takes up a refusal of a parameter. `None` where it is none, or nothing is left to try.
    async fn adapt(
        &self,
        request: &ChatRequest,
        sent: &CallParameters,
        reply: &Reply,
        request_id: &str,
    ) -> Option<OpenAiError> {
        let store = self.store.as_ref()?;
        let prompt = [request.system.as_str(), &request.user];
        let cap = sent.cap(request.max_output_tokens);
        let refusal = Refusal::read(reply.status, &reply.body, (sent, cap), |text| error_body::repeats(text, &prompt))?;
        let prompt_tokens = prompt.into_iter().map(tokens::estimate).fold(0, u32::saturating_add);
        let refused = |parameter, max_output_tokens| OpenAiError::ParameterRefused { parameter, max_output_tokens };
        let recorded = match next(&refusal, sent, (cap, prompt_tokens), &sent.learned) {
            Next::OwnCap(own) => Ok(refused("output_cap", Some(own))),
            Next::Note { note: (field, value), max_output_tokens } => store
                .adapt(&sent.learned, (field, &value), false)
                .await
                .map(|_| refused("output_cap", Some(max_output_tokens))),
            Next::Change { parameter, field } => {
                store.adapt(&sent.learned, (parameter.as_str(), &field), true).await.map(|(adapted, learned)| {
                    if adapted {
                        tracing::warn!(
                            openai.model = self.model,
                            openai.host = store.host(),
                            openai.parameter = parameter.as_str(),
                            openai.value = learned.value(parameter),
                            openai.request_id = request_id,
                            http.status = reply.status.as_u16(),
                            setting = parameter.setting(),
                            "The upstream refuses a parameter: the fleet's calls are sent with another value or without it"
                        );
                    }
                    refused(parameter.as_str(), None)
                })
            }
            // What was sent may be out of date.
            Next::Nothing => match store.read().await {
                Ok(learned) if learned.revision() == sent.learned.revision() => {
                    let parameter = refusal.not_adapted(sent)?;
                    let shown = Misconfiguration::new(Fault::Parameter, reply.status.as_u16());
                    let shown = Misconfiguration { parameter: Some(parameter), ..shown };
                    return Some(OpenAiError::Misconfigured(Box::new(shown)).of_request(request_id));
                }
                read => read.map(|_| refused("any", None)),
            },
        };
        Some(recorded.unwrap_or_else(|source| OpenAiError::NotRecorded { source }))
    }

    /// async-openai builds and signs the request; what comes back is kept from it. By itself it retries three times, drops
    /// the headers, reads without a bound, and logs a body that it can't parse, which may hold a learner's text.
    async fn ask(
        &self,
        request: &ChatRequest,
        parameters: &CallParameters,
        doorway: Doorway,
    ) -> Result<Reply, OpenAiError> {
        let reply = Arc::new(OnceLock::new());
        let doorway = Arc::new(Mutex::new(Some(doorway)));
        let service = tower::service_fn({
            let (http, endpoint, reply) = (self.http.clone(), self.endpoint.clone(), reply.clone());
            move |factory: HttpRequestFactory| {
                let (http, endpoint) = (http.clone(), endpoint.clone());
                let (reply, doorway) = (Arc::clone(&reply), Arc::clone(&doorway));
                async move {
                    let mut request = factory.build().await?;
                    endpoint.apply(&mut request);
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
        chat.create_byot::<_, ()>(RequestBody::new(&self.model, request, parameters)).await.map_err(unbox_error)?;
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
