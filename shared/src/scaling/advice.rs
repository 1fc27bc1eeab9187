//! What is advised, and why.

use std::time::Duration;

use serde::Serialize;

use super::{Held, Service};

/// What advice keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// How long a job should wait in line at most.
    pub wait: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min: 1, max: 50, wait: Duration::from_secs(10) }
    }
}

impl Bounds {
    pub(super) fn within(&self, replicas: u32) -> u32 {
        replicas.clamp(self.min, self.max.max(self.min))
    }
}

/// Why so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing waits and nothing runs.
    Idle,
    /// So many keep the wait in line short.
    Wait,
    /// A limit feeds no more than so many: more workers do not help.
    Limit,
    /// The processors are busy.
    Cpu,
    /// Something holds all jobs, and no number of workers changes that.
    Held,
    /// No call has ended yet, so nobody knows how long one takes.
    Unmeasured,
}

/// How many replicas of a service are needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Advice {
    /// Of which.
    pub service: Service,
    /// How many are needed.
    pub replicas: u32,
    /// How many live now; `null` where that is not known (api processes do not announce themselves).
    #[cfg_attr(feature = "openapi", schema(nullable = true))]
    pub live: Option<u32>,
    /// Why so many.
    pub reason: Reason,
    /// The limit that keeps more workers from helping: `rpm`, `rps`, `tpm` or `concurrency`. To be raised with `unilingo limits set`,
    /// where the provider gives more.
    #[cfg_attr(feature = "openapi", schema(nullable = true))]
    pub limit: Option<&'static str>,
    /// Why, in words.
    pub text: String,
}

impl Advice {
    /// The line that does it on Railway.
    #[must_use]
    pub fn railway(&self, region: &str) -> String {
        format!("railway scale --service {} {region}={}", self.service.as_str(), self.replicas)
    }
}

impl Held {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Paused => "the queue is paused (unilingo queue resume)",
            Self::Killed => "the kill switch of the budget is thrown (unilingo budget unkill)",
            Self::Breaker => "the circuit breaker is not closed (unilingo breaker show)",
            Self::Upstream => "the upstream has asked for a pause",
        }
    }
}
