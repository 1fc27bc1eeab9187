//! The OpenAI-compatible API.

use std::time::Duration;

use clap::Args;
use url::Url;

use super::ConfigError;

/// The OpenAI-compatible API and its limits, which hold for the whole fleet.
#[derive(Clone, Args)]
#[command(next_help_heading = "OpenAI")]
pub struct OpenAiConfig {
    /// Key of the account that pays
    #[arg(long, env = "OPENAI_API_KEY", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub openai_api_key: String,

    /// Any server that speaks the chat completions API
    #[arg(long, env = "OPENAI_BASE_URL", default_value = "https://api.openai.com/v1")]
    pub openai_base_url: Url,

    /// Model that writes the cards; it must support structured outputs
    #[arg(long, env = "OPENAI_MODEL", default_value = "gpt-4o-mini")]
    pub openai_model: String,

    /// Tokens per minute for the whole fleet; 0 turns the constraint off
    #[arg(long, env = "OPENAI_RATE_LIMIT_TPM", default_value_t = 90_000)]
    pub openai_rate_limit_tpm: u32,

    /// One call's share of a long text, in tokens
    #[arg(long, env = "OPENAI_CHUNK_TOKENS", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub openai_chunk_tokens: u32,

    /// Cap of one answer, in tokens
    #[arg(long, env = "OPENAI_MAX_OUTPUT_TOKENS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(64..))]
    pub openai_max_output_tokens: u32,

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

    /// Checks the rules that one value alone can't break.
    ///
    /// # Errors
    ///
    /// When no call could ever fit the token limit, or the key is missing for OpenAI's own address.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let answer = self.openai_max_output_tokens;
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
            .field("openai_model", &self.openai_model)
            .finish_non_exhaustive()
    }
}
