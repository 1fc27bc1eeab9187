//! The parameters of a call that not every upstream accepts, and how the fleet adapts them.
//!
//! `defaults` says what is sent by the settings and by what is documented of the model's family and
//! the server. `refusal` reads a 400 or 422 that names one of these parameters, `adaptation` decides
//! what the next call does instead, and `store` keeps that in Redis for the whole fleet, once however
//! many calls were refused for it.

mod adaptation;
mod defaults;
mod family;
mod learned;
mod maximum;
mod refusal;
mod store;
#[cfg(test)]
mod tests;

pub(super) use adaptation::{Next, next};
pub(super) use defaults::Defaults;
pub use defaults::reasoning_tokens;
pub(super) use learned::Learned;
pub(super) use refusal::Refusal;
pub use store::{LearnedParameters, ParameterStore, forget_parameters, learned_parameters};

/// A parameter of ours that an upstream may refuse. Never `model` or `messages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Parameter {
    /// The name of the output cap.
    CapName,
    /// The value of the output cap.
    Cap,
    /// `reasoning_effort`.
    Effort,
    /// `temperature`.
    Temperature,
    /// `response_format`.
    ResponseFormat,
    /// `prompt_cache_options`.
    CacheOptions,
}

impl Parameter {
    const ALL: [Self; 6] =
        [Self::CapName, Self::Cap, Self::Effort, Self::Temperature, Self::ResponseFormat, Self::CacheOptions];

    /// Its name in Redis and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::CapName => "output_cap_name",
            Self::Cap => "output_cap",
            Self::Effort => "reasoning_effort",
            Self::Temperature => "temperature",
            Self::ResponseFormat => "response_format",
            Self::CacheOptions => "prompt_cache_options",
        }
    }

    /// The setting that decides it, for operators.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::CapName => "OPENAI_BASE_URL",
            Self::Cap => "OPENAI_MAX_OUTPUT_TOKENS",
            Self::Effort => "OPENAI_REASONING_EFFORT",
            Self::Temperature => "OPENAI_TEMPERATURE",
            Self::ResponseFormat | Self::CacheOptions => "OPENAI_MODEL",
        }
    }
}

/// The names of the output cap. Never both: OpenAI rejects the two together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CapName {
    MaxCompletionTokens,
    MaxTokens,
}

impl CapName {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::MaxCompletionTokens => Self::MaxTokens,
            Self::MaxTokens => Self::MaxCompletionTokens,
        }
    }
}

/// A value of `reasoning_effort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
}

impl Effort {
    const ALL: [Self; 5] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What one call is sent with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CallParameters {
    /// The name of the output cap; `None` where the server accepts no name for it.
    pub(super) cap_name: Option<CapName>,
    /// The largest cap that the model accepts, where it has refused a larger one.
    pub(super) cap_limit: Option<u32>,
    pub(super) effort: Option<Effort>,
    pub(super) temperature: Option<f32>,
    /// Whether the schema goes as `response_format`; else it goes in the prompt.
    pub(super) response_format: bool,
    /// Whether the call says that nothing is to be written into the provider's cache, which costs
    /// more than plain input: a lesson is sent once.
    pub(super) no_cache_writes: bool,
    /// What was learned when the call was built.
    pub(super) learned: Learned,
}

impl CallParameters {
    /// The output cap of a call that asks for `max_output_tokens`.
    pub(super) fn cap(&self, max_output_tokens: u32) -> u32 {
        self.cap_limit.map_or(max_output_tokens, |limit| limit.min(max_output_tokens))
    }

    /// The names of the parameters on the wire, with what they are.
    fn sent(&self) -> impl Iterator<Item = (&'static str, Parameter)> {
        let cap = self.cap_name.map(|name| (name.as_str(), Parameter::CapName));
        let effort = self.effort.map(|_| ("reasoning_effort", Parameter::Effort));
        let temperature = self.temperature.map(|_| ("temperature", Parameter::Temperature));
        let format = self.response_format.then_some(("response_format", Parameter::ResponseFormat));
        let cache = self.no_cache_writes.then_some(("prompt_cache_options", Parameter::CacheOptions));
        [cap, effort, temperature, format, cache].into_iter().flatten()
    }
}
