//! The providers that the simulator stands in for: each accepts, refuses, counts and bills as its
//! documentation says.
//!
//! Without a profile it accepts every parameter, at `/v1`.

mod azure_classic;
mod azure_v1;
mod gemini;
mod groq;
mod mistral;
mod ollama;
mod openai;
mod openai_classic;
mod openai_reasoning;
mod openrouter;
mod vllm;

use clap::ValueEnum;
use http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    api_error::ApiError,
    bill::{Charge, Price, Use},
};

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderProfile {
    /// No provider's rules: every parameter is accepted
    #[default]
    Any,
    /// OpenAI with models that don't think
    OpenaiClassic,
    /// OpenAI with models that think
    OpenaiReasoning,
    /// Azure OpenAI at `/openai/v1`
    AzureV1,
    /// A classic deployment of Azure OpenAI
    AzureClassic,
    /// A gateway of many providers
    Openrouter,
    /// Mistral
    Mistral,
    /// Groq
    Groq,
    /// Gemini's compatible endpoint
    Gemini,
    /// Ollama
    Ollama,
    /// vLLM
    Vllm,
}

impl ProviderProfile {
    /// Every provider.
    pub const PROVIDERS: [Self; 10] = [
        Self::OpenaiClassic,
        Self::OpenaiReasoning,
        Self::AzureV1,
        Self::AzureClassic,
        Self::Openrouter,
        Self::Mistral,
        Self::Groq,
        Self::Gemini,
        Self::Ollama,
        Self::Vllm,
    ];

    /// A model that the provider serves.
    #[must_use]
    pub fn model(self) -> &'static str {
        self.rules().map_or("gpt-6-luna", Provider::example_model)
    }

    pub(super) fn rules(self) -> Option<&'static dyn Provider> {
        Some(match self {
            Self::Any => return None,
            Self::OpenaiClassic => &openai_classic::OpenAiClassic,
            Self::OpenaiReasoning => &openai_reasoning::OpenAiReasoning,
            Self::AzureV1 => &azure_v1::AzureV1,
            Self::AzureClassic => &azure_classic::AzureClassic,
            Self::Openrouter => &openrouter::OpenRouter,
            Self::Mistral => &mistral::Mistral,
            Self::Groq => &groq::Groq,
            Self::Gemini => &gemini::Gemini,
            Self::Ollama => &ollama::Ollama,
            Self::Vllm => &vllm::Vllm,
        })
    }

    /// Path of the base address.
    pub(super) fn base(self) -> &'static str {
        self.rules().map_or("/v1", Provider::base)
    }

    /// Path and query of the base address.
    pub(super) fn address(self) -> String {
        let query = self.rules().map_or("", Provider::query);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.base())
    }

    /// What a million tokens of `model` cost.
    pub(super) fn price(self, model: &str) -> Price {
        self.rules().map_or_else(|| openai::price(model), |rules| rules.price(model))
    }
}

/// The fields of a request's body, and how many tokens its prompt has.
pub(super) struct CallBody<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) model: &'a str,
    pub(super) prompt_tokens: u32,
}

impl CallBody<'_> {
    /// A field that is there and not null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    fn cap(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(Value::as_u64)
    }

    /// The first field that `known` does not list.
    fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.fields.keys().map(String::as_str).find(|name| !known.contains(name))
    }
}

/// How a provider answers. What most of them have in common is OpenAI's way.
pub(super) trait Provider: Sync {
    /// A model that it serves.
    fn example_model(&self) -> &'static str;

    /// Path of its base address.
    fn base(&self) -> &'static str {
        "/v1"
    }

    /// Query of its base address.
    fn query(&self) -> &'static str {
        ""
    }

    /// The caller's key.
    fn key<'h>(&self, headers: &'h HeaderMap, _uri: &Uri) -> Result<&'h str, ApiError> {
        bearer(headers).ok_or_else(missing_key)
    }

    /// Refuses what it does not accept.
    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError>;

    /// The output cap, by the names that it reads.
    fn max_output(&self, call: &CallBody<'_>) -> Option<u32> {
        let cap = call.cap("max_completion_tokens").or_else(|| call.cap("max_tokens"))?;
        Some(u32::try_from(cap).unwrap_or(u32::MAX))
    }

    /// Tokens that the model thinks, which count as output.
    fn reasoning_tokens(&self, _call: &CallBody<'_>) -> u32 {
        0
    }

    /// An error's body.
    fn error_body(&self, error: &ApiError) -> Value {
        error.openai_body()
    }

    /// `GET <base>/models/<name>`.
    fn model(&self, name: &str) -> Result<Value, ApiError>;

    /// What a million tokens of `model` cost.
    fn price(&self, model: &str) -> Price;

    /// Whether it caches prompts.
    fn caches(&self) -> bool {
        false
    }

    /// Whether it charges for what the call writes into the cache.
    fn writes_cache(&self, call: &CallBody<'_>) -> bool {
        self.caches() && openai::writes_cache(call)
    }

    /// The tier that the call is served in, of which the answer tells.
    fn tier(&self, _call: &CallBody<'_>) -> Option<&'static str> {
        None
    }

    /// `usage` of the answer.
    fn usage(&self, used: &Use, charge: &Charge) -> Value {
        let _ = charge;
        plain_usage(used)
    }

    /// More fields of the answer, and of its message.
    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        (Map::new(), Map::new())
    }
}

/// A bearer's key.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim).filter(|key| !key.is_empty())
}

fn api_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("api-key")?.to_str().ok().filter(|key| !key.is_empty())
}

pub(super) fn missing_key() -> ApiError {
    let message = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                   Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    ApiError::invalid(StatusCode::UNAUTHORIZED, message)
}

pub(super) fn plain_usage(used: &Use) -> Value {
    json!({"prompt_tokens": used.prompt, "completion_tokens": used.completion,
        "total_tokens": used.prompt.saturating_add(used.completion)})
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::invalid(StatusCode::BAD_REQUEST, message)
}

/// The fields as a map.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
