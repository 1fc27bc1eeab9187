//! The OpenAI-compatible API.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{AuthHeader, ConfigError, OpenAiBreakerConfig, OpenAiCallConfig, OpenAiParametersConfig};
use crate::limiter::{Group, Limits, NewRedis, TokenAccounting, Upstream};

/// A probe without an end is given up so long after its call must have ended.
const PROBE_GRACE: Duration = Duration::from_secs(10);
/// Bytes of the digest of the settings.
const DIGEST_BYTES: usize = 12;

/// The OpenAI-compatible API and its limits, which hold for the whole fleet.
#[derive(Clone, Args)]
#[command(next_help_heading = "OpenAI")]
pub struct OpenAiConfig {
    /// Key of the account that pays
    #[arg(long, env = "OPENAI_API_KEY", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub openai_api_key: String,

    /// Any server that speaks the chat completions API; a query stays a query
    #[arg(long, env = "OPENAI_BASE_URL", default_value = "https://api.openai.com/v1")]
    pub openai_base_url: Url,

    /// What a call is made of.
    #[command(flatten)]
    pub call: OpenAiCallConfig,

    /// What not every upstream accepts.
    #[command(flatten)]
    pub parameters: OpenAiParametersConfig,

    /// Requests per minute for the whole fleet; 0 turns the constraint off
    #[arg(long, env = "OPENAI_RATE_LIMIT_RPM", default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub openai_rate_limit_rpm: u32,

    /// Requests per second for the whole fleet, for upstreams that count in so short spans; 0 turns the constraint off
    #[arg(long, env = "OPENAI_RATE_LIMIT_RPS", default_value_t = 0)]
    pub openai_rate_limit_rps: u32,

    /// Tokens per minute for the whole fleet; 0 turns the constraint off
    #[arg(long, env = "OPENAI_RATE_LIMIT_TPM", default_value_t = 90_000)]
    pub openai_rate_limit_tpm: u32,

    /// Calls in flight of the whole fleet; 0 turns the constraint off
    #[arg(long, env = "OPENAI_MAX_CONCURRENT", default_value_t = 20)]
    pub openai_max_concurrent: u32,

    /// The window that RPM and TPM count in, in ms; shorter for tests and upstreams that count so
    #[arg(long, env = "OPENAI_RATE_WINDOW_MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub openai_rate_window_ms: u64,

    /// What is added to the window, in ms: it covers the way from the permit to the upstream's door
    #[arg(long, env = "OPENAI_RATE_GUARD_MS", default_value_t = 150, value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub openai_rate_guard_ms: u64,

    /// What a Redis does that has nothing of ours, since it is new or has lost everything
    #[arg(long, env = "OPENAI_NEW_REDIS", value_enum, default_value_t)]
    pub openai_new_redis: NewRedis,

    /// What of a call counts against TPM
    #[arg(long, env = "OPENAI_TOKEN_ACCOUNTING", value_enum, default_value_t)]
    pub openai_token_accounting: TokenAccounting,

    /// The circuit breaker.
    #[command(flatten)]
    pub breaker: OpenAiBreakerConfig,

    /// Time-out of one call, in seconds
    #[arg(long, env = "OPENAI_TIMEOUT_SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub openai_timeout_seconds: u64,
}

impl OpenAiConfig {
    /// Time-out of one call.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.openai_timeout_seconds)
    }

    /// The header that carries the key. Azure's classic deployments take a key in `api-key` only; a
    /// bearer there is a token of Entra ID, which is a JWT.
    #[must_use]
    pub fn auth_header(&self) -> AuthHeader {
        let classic = self.openai_base_url.path().contains("/openai/deployments/");
        if classic && !self.openai_api_key.starts_with("eyJ") {
            AuthHeader::ApiKey
        } else {
            self.parameters.openai_auth_header
        }
    }

    /// A digest of key, address and model: another one says that a person has changed them. One-way, since it stands in Redis.
    #[must_use]
    pub fn digest(&self) -> String {
        let parts = [self.openai_api_key.as_str(), self.openai_base_url.as_str(), &self.call.openai_model];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        BASE64_URL_SAFE_NO_PAD.encode(&hash.finalize()[..DIGEST_BYTES])
    }

    /// What the queue needs to know of this upstream, where a job's first call takes `call_tokens` beside its text.
    #[must_use]
    pub fn upstream(&self, call_tokens: u32) -> Upstream {
        let ms = Duration::from_millis;
        Upstream {
            group: Group::new("openai", &self.call.openai_model),
            limits: Limits {
                window: ms(self.openai_rate_window_ms),
                guard: ms(self.openai_rate_guard_ms),
                rpm: self.openai_rate_limit_rpm.into(),
                rps: self.openai_rate_limit_rps.into(),
                tpm: self.openai_rate_limit_tpm.into(),
                concurrency: self.openai_max_concurrent.into(),
            },
            accounting: self.openai_token_accounting,
            chunk_tokens: self.call.openai_chunk_tokens,
            call_tokens,
            prices: self.call.openai_prices.clone(),
            model: self.call.openai_model.clone(),
            breaker: self.breaker.settings(self.timeout() + PROBE_GRACE),
            new_redis: self.openai_new_redis,
            settings: self.digest(),
        }
    }

    /// Checks the rules that one value alone can't break.
    ///
    /// # Errors
    ///
    /// When no call could ever fit the token limit, or the key is missing for OpenAI's own address.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let answer = self.call.openai_max_output_tokens;
        let limit = self.openai_rate_limit_tpm;
        if limit > 0 && answer >= limit {
            return Err(ConfigError::new(format!(
                "OPENAI_MAX_OUTPUT_TOKENS ({answer}) must be below OPENAI_RATE_LIMIT_TPM ({limit}): no call would ever fit"
            )));
        }
        if self.openai_api_key.is_empty() && self.openai_base_url.host_str() == Some("api.openai.com") {
            return Err(ConfigError::new("OPENAI_API_KEY is not set, and OPENAI_BASE_URL is OpenAI's own"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for OpenAiConfig {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("openai_base_url", &self.openai_base_url.as_str())
            .field("openai_model", &self.call.openai_model)
            .finish_non_exhaustive()
    }
}
