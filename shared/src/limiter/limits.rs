//! What a worker knows of its upstream's limits.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{breaker::BreakerSettings, budget::Prices, workers::PaidModel};

/// Models that share a limit, named `provider:model`; a breaker is shared by all groups of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(String);

impl Group {
    /// The group of `model` at `provider`, which has no colon in it.
    #[must_use]
    pub fn new(provider: &str, model: &str) -> Self {
        Self(format!("{provider}:{model}"))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who serves its models.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(provider, _)| provider)
    }
}

/// Limits of a group, for the whole fleet. 0 turns a constraint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The window that requests and tokens count in.
    pub window: Duration,
    /// What is added to the window, for the way from the permit to the upstream's door.
    pub guard: Duration,
    /// Requests per window.
    pub rpm: u64,
    /// Requests per second.
    pub rps: u64,
    /// Tokens per window: prompt and maximum output.
    pub tpm: u64,
    /// Calls in flight.
    pub concurrency: u64,
}

/// How tokens count in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAccounting {
    /// Prompt and maximum output stay counted until they slide out, as the provider counts
    #[default]
    Reserved,
    /// The reservation is cut to real use when the answer is there
    Used,
}

/// What a Redis does that has nothing of ours: it is new, or has lost everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewRedis {
    /// Permits are given as soon as the workers that live have said when their last call was: within 5 s, or when a window
    /// has passed since a call that is younger
    #[default]
    Grant,
    /// No permit is given for a whole window
    Wait,
}

/// The upstream of a worker, as its queue needs to know it.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Whose limits they are.
    pub group: Group,
    /// The limits that this worker announces.
    pub limits: Limits,
    /// How tokens count.
    pub accounting: TokenAccounting,
    /// Most tokens of a job's own text that one call sends.
    pub chunk_tokens: u32,
    /// Tokens of a job's first call beside that text: instructions and the cap of the answer.
    pub call_tokens: u32,
    /// The model that is called, and what its tokens cost.
    pub model: String,
    /// See [`Self::model`].
    pub prices: Prices,
    /// When the breaker opens and closes.
    pub breaker: BreakerSettings,
    /// What a new Redis does.
    pub new_redis: NewRedis,
    /// A digest of what a person may have to correct, so that it is known when it was; empty where nothing is.
    pub settings: String,
}

/// What a worker announces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced<'a> {
    pub(crate) group: &'a Group,
    pub(crate) limits: Limits,
    pub(crate) new_redis: NewRedis,
    /// How long ago it let its last call go; `None` if it has made none.
    pub(crate) last_call: Option<Duration>,
}

impl Upstream {
    /// What a worker announces whose last call was so long ago.
    pub(crate) const fn announced(&self, last_call: Option<Duration>) -> Announced<'_> {
        Announced { group: &self.group, limits: self.limits, new_redis: self.new_redis, last_call }
    }

    /// The model, where its calls are paid by tokens.
    pub(crate) fn paid_model(&self) -> Option<PaidModel> {
        let model = || PaidModel { name: self.model.clone(), priced: self.prices.has(&self.model) };
        (self.call_tokens > 0).then(model)
    }
}
