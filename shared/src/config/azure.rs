//! Azure Speech.

use std::time::Duration;

use clap::Args;
use url::{Host, Url};

use super::{AzureBreakerConfig, ConfigError};
use crate::{
    budget::Prices,
    limiter::{Group, Limits, NewRedis, TokenAccounting, Upstream},
};

/// A probe without an end is given up so long after its call must have ended.
const PROBE_GRACE: Duration = Duration::from_secs(10);
/// Azure Speech and its limit, which holds for the whole fleet.
#[derive(Clone, Args)]
#[command(next_help_heading = "Azure Speech")]
pub struct AzureConfig {
    /// Key of the Speech resource
    #[arg(long, env = "AZURE_SPEECH_KEY", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub azure_speech_key: String,

    /// Region of the Speech resource, such as westeurope
    #[arg(long, env = "AZURE_SPEECH_REGION", default_value = "", hide_default_value = true)]
    pub azure_speech_region: String,

    /// Any server that speaks the short-audio REST API; by default that of the region
    #[arg(long, env = "AZURE_SPEECH_BASE_URL")]
    pub azure_speech_base_url: Option<Url>,

    /// Assessments in flight of the whole fleet; 0 turns the constraint off
    #[arg(long, env = "AZURE_SPEECH_MAX_CONCURRENT", default_value_t = 20)]
    pub azure_speech_max_concurrent: u32,

    /// The circuit breaker.
    #[command(flatten)]
    pub breaker: AzureBreakerConfig,

    /// Time-out of one assessment, in seconds
    #[arg(long, env = "AZURE_SPEECH_TIMEOUT_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub azure_speech_timeout_seconds: u64,
}

impl AzureConfig {
    /// Time-out of one call.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.azure_speech_timeout_seconds)
    }

    /// The limiter's group, which is also in what an operator names: `azure:speech`.
    #[must_use]
    pub fn group() -> Group {
        Group::new("azure", "speech")
    }

    /// What the queue needs to know of this upstream: only calls in flight are limited, and none has a price here.
    #[must_use]
    pub fn upstream(&self) -> Upstream {
        Upstream {
            group: Self::group(),
            limits: Limits {
                // For so long a call that a lost Redis knew of may be in flight.
                window: self.timeout(),
                // Calls in flight are counted by their ends and not by time.
                guard: Duration::ZERO,
                rpm: 0,
                rps: 0,
                tpm: 0,
                concurrency: self.azure_speech_max_concurrent.into(),
            },
            accounting: TokenAccounting::Reserved,
            chunk_tokens: 0,
            call_tokens: 0,
            model: "speech".to_owned(),
            prices: Prices::default(),
            breaker: self.breaker.settings(self.timeout() + PROBE_GRACE),
            new_redis: NewRedis::default(),
            settings: String::new(),
        }
    }

    /// Where the API is.
    ///
    /// # Errors
    ///
    /// When neither an address nor a region says so, or what says so can't be an address.
    pub fn base_url(&self) -> Result<Url, ConfigError> {
        let url = match (&self.azure_speech_base_url, self.azure_speech_region.as_str()) {
            (Some(url), _) => url.clone(),
            (None, "") => {
                return Err(ConfigError::new("AZURE_SPEECH_REGION is not set, and neither is AZURE_SPEECH_BASE_URL"));
            }
            (None, region) if region.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                format!("https://{region}.stt.speech.microsoft.com")
                    .parse()
                    .map_err(|_| ConfigError::new("AZURE_SPEECH_REGION is not a region"))?
            }
            (None, _) => {
                return Err(ConfigError::new("AZURE_SPEECH_REGION must be a region's name, such as westeurope"));
            }
        };
        if matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err(ConfigError::new(format!("AZURE_SPEECH_BASE_URL ({url}) must begin with http:// or https://")))
        }
    }

    /// Checks the rules that one value alone can't break.
    ///
    /// # Errors
    ///
    /// When the address is missing, or the key where it is needed: anywhere but on this machine.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let url = self.base_url()?;
        let local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if self.azure_speech_key.is_empty() && !local {
            return Err(ConfigError::new("AZURE_SPEECH_KEY is not set"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for AzureConfig {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AzureConfig")
            .field("azure_speech_region", &self.azure_speech_region)
            .field("azure_speech_base_url", &self.azure_speech_base_url.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}
