//! How the simulator behaves, at start and changed on the fly.

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use super::ProviderProfile;
use crate::limiter::TokenAccounting;

/// Everything that can be set about the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize)]
pub struct SimulatorConfig {
    /// Port to listen on; 0 lets the system choose
    #[arg(long, env = "SIMULATOR_PORT", default_value_t = 3_004)]
    pub port: u16,

    /// The provider whose parameters, errors, usage and prices it has
    #[arg(long, env = "SIMULATOR_PROFILE", value_enum, default_value_t)]
    pub profile: ProviderProfile,

    /// How long an answer takes, in milliseconds
    #[arg(long, env = "SIMULATOR_LATENCY_MS", default_value_t = 0)]
    pub latency_ms: u64,

    /// Requests per window and key; 0 turns the limit off
    #[arg(long, env = "SIMULATOR_RPM", default_value_t = 0)]
    pub rpm: u64,

    /// Tokens per window and key; 0 turns the limit off
    #[arg(long, env = "SIMULATOR_TPM", default_value_t = 0)]
    pub tpm: u64,

    /// The sliding window that both limits count in, in milliseconds
    #[arg(long, env = "SIMULATOR_WINDOW_MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub window_ms: u64,

    /// What counts against the token limit
    #[arg(long, env = "SIMULATOR_TOKEN_ACCOUNTING", value_enum, default_value_t)]
    pub token_accounting: TokenAccounting,

    /// Whether answers carry `x-ratelimit-*` headers, where a limit is set
    #[arg(long, env = "SIMULATOR_RATE_HEADERS", action = ArgAction::Set, default_value_t = true)]
    pub rate_headers: bool,

    /// Assessments of speech that are handled at once; those above it are refused with 429. 0 turns the limit off
    #[arg(long, env = "SIMULATOR_SPEECH_MAX_CONCURRENT", default_value_t = 0)]
    pub speech_max_concurrent: u32,

    /// Tokens that an answer says it used, in percent of what the call reserved; 0: what it really used
    #[arg(long, env = "SIMULATOR_USED_PERCENT", default_value_t = 0)]
    pub used_percent: u32,

    /// How many calls the log keeps; the oldest are dropped
    #[arg(long, env = "SIMULATOR_KEEP_ARRIVALS", default_value_t = 2_000_000)]
    pub keep_arrivals: usize,
}

impl Default for SimulatorConfig {
    /// For tests: any free port, no limits, no latency.
    fn default() -> Self {
        Self {
            port: 0,
            profile: ProviderProfile::Any,
            latency_ms: 0,
            rpm: 0,
            tpm: 0,
            window_ms: 60_000,
            token_accounting: TokenAccounting::Reserved,
            rate_headers: true,
            speech_max_concurrent: 0,
            used_percent: 0,
            keep_arrivals: 2_000_000,
        }
    }
}

/// What `PUT /_sim/config` changes; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "every field is described in SimulatorConfig")]
pub struct ConfigPatch {
    pub profile: Option<ProviderProfile>,
    pub latency_ms: Option<u64>,
    pub rpm: Option<u64>,
    pub tpm: Option<u64>,
    pub window_ms: Option<u64>,
    pub token_accounting: Option<TokenAccounting>,
    pub rate_headers: Option<bool>,
    pub speech_max_concurrent: Option<u32>,
    pub used_percent: Option<u32>,
}

impl SimulatorConfig {
    /// Applies a change. A longer window does not bring back the calls that slid out of the shorter one.
    pub(super) fn apply(&mut self, patch: &ConfigPatch) {
        self.profile = patch.profile.unwrap_or(self.profile);
        self.latency_ms = patch.latency_ms.unwrap_or(self.latency_ms);
        self.rpm = patch.rpm.unwrap_or(self.rpm);
        self.tpm = patch.tpm.unwrap_or(self.tpm);
        self.window_ms = patch.window_ms.unwrap_or(self.window_ms).max(1);
        self.token_accounting = patch.token_accounting.unwrap_or(self.token_accounting);
        self.speech_max_concurrent = patch.speech_max_concurrent.unwrap_or(self.speech_max_concurrent);
        self.used_percent = patch.used_percent.unwrap_or(self.used_percent);
        self.rate_headers = patch.rate_headers.unwrap_or(self.rate_headers);
    }
}
