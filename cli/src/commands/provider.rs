//! The providers whose calls are limited.

use clap::ValueEnum;

/// A provider of an upstream: it has a circuit breaker, and its models have limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Provider {
    /// OpenAI, or the server in its place
    #[default]
    Openai,
    /// Azure Speech
    Azure,
}

impl Provider {
    /// Its name in keys.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
        }
    }
}
