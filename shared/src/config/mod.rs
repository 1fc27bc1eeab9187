//! Configuration: the only reader of the environment.
//!
//! Every section is a set of clap arguments, so that a setting is a flag and a variable at once. A binary flattens the
//! sections that it needs. A value that can't be read, and values that contradict each other, are errors at start
//! that name the variable.

mod api;
mod azure;
mod azure_breaker;
mod budget;
mod identity;
mod jobs;
mod logging;
mod networks;
mod openai;
mod openai_breaker;
mod openai_call;
mod openai_parameters;
mod redis;
mod redis_address;
mod request_limits;
mod secret;
mod worker;

pub use api::ApiConfig;
pub use azure::AzureConfig;
pub use azure_breaker::AzureBreakerConfig;
pub use budget::BudgetConfig;
pub use identity::{AuthMode, IdentityConfig};
pub use jobs::{ContentSharing, JobsConfig};
pub use logging::{LogFormat, LoggingConfig};
pub use networks::{NetworkError, Networks};
pub use openai::OpenAiConfig;
pub use openai_breaker::OpenAiBreakerConfig;
pub use openai_call::{DEFAULT_MODEL, OpenAiCallConfig};
pub use openai_parameters::{AuthHeader, OpenAiParametersConfig, ReasoningEffort, Temperature};
pub use redis::{DurabilityConfig, RedisConfig};
pub use redis_address::{RedisAddress, RedisAddressError, SentinelAddress};
pub use request_limits::RequestLimitsConfig;
pub use secret::Secret;
pub use worker::{UpstreamTimeout, WorkerConfig};

/// Settings that contradict each other; the text names the variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
