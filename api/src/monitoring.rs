//! What the monitoring paths read.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use shared::{
    breaker::{BreakerStatus, breaker_status, close_breaker},
    budget::{Allowance, Budget},
    config::OpenAiBreakerConfig,
    fleet::Fleet,
    lifecycle::Lifecycle,
    limiter::{Group, LimiterStatus, Usage, limiter_status, usage},
    metrics::{Figures, Traffic, read_figures},
    openai::{ModelFinding, model_finding},
    redis::{Keys, RedisPool, UnavailableError},
};
use tokio::time::Instant;

use crate::{http_metrics::HttpMetrics, openapi::ROUTES};

/// Providers that have a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Flashcards.
    Openai,
    /// Pronunciation.
    Azure,
}

impl Provider {
    /// Every provider.
    pub(crate) const ALL: [Self; 2] = [Self::Openai, Self::Azure];

    /// The name in keys and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
        }
    }

    /// The provider of that name, if there is one.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }
}

/// The model that stands for Azure's speech service in its group.
const AZURE_MODEL: &str = "speech";
/// Failures that open the breaker of Azure, and probes that close it.
const AZURE_THRESHOLDS: (u32, u32) = (3, 2);

/// Handles on the figures of the fleet.
#[derive(Debug)]
pub(crate) struct Monitoring {
    redis: RedisPool,
    keys: Keys,
    openai: Group,
    azure: Group,
    openai_thresholds: (u32, u32),
    /// What may be spent, for operators.
    pub(crate) budget: Budget,
    /// Looks at the whole fleet.
    pub(crate) fleet: Fleet,
    /// Counts requests of this process.
    pub(crate) http: HttpMetrics,
    /// Counts requests for the fleet.
    pub(crate) traffic: Traffic,
    /// Event streams that are open in this process.
    streams: Arc<AtomicU64>,
    /// When this process started.
    pub(crate) started: Instant,
}

impl Monitoring {
    pub(crate) fn start(
        redis: &RedisPool,
        keys: &Keys,
        allowance: &Allowance,
        breaker: &OpenAiBreakerConfig,
        lifecycle: &Lifecycle,
    ) -> Self {
        Self {
            redis: redis.clone(),
            keys: keys.clone(),
            openai: Group::new(Provider::Openai.as_str(), &allowance.model),
            azure: Group::new(Provider::Azure.as_str(), AZURE_MODEL),
            openai_thresholds: (breaker.openai_breaker_failures, breaker.openai_breaker_successes),
            budget: Budget::new(redis.clone(), keys.clone(), allowance.limits),
            fleet: Fleet::new(redis.clone(), keys.clone(), &allowance.model, allowance.limits),
            http: HttpMetrics::new(&ROUTES),
            traffic: Traffic::start(redis.clone(), keys.clone(), lifecycle),
            streams: Arc::default(),
            started: Instant::now(),
        }
    }

    /// Failures that open a provider's breaker, and probes that close it.
    pub(crate) const fn thresholds(&self, provider: Provider) -> (u32, u32) {
        match provider {
            Provider::Openai => self.openai_thresholds,
            Provider::Azure => AZURE_THRESHOLDS,
        }
    }

    const fn group(&self, provider: Provider) -> &Group {
        match provider {
            Provider::Openai => &self.openai,
            Provider::Azure => &self.azure,
        }
    }

    pub(crate) async fn breaker(&self, provider: Provider) -> Result<BreakerStatus, UnavailableError> {
        breaker_status(&self.redis, &self.keys, provider.as_str()).await
    }

    /// What the provider says of the model, where that is known.
    pub(crate) async fn model(&self) -> Result<Option<ModelFinding>, UnavailableError> {
        model_finding(&self.redis, &self.keys, &self.openai).await
    }

    pub(crate) async fn close_breaker(&self, provider: Provider) -> Result<(), UnavailableError> {
        close_breaker(&self.redis, &self.keys, provider.as_str()).await
    }

    pub(crate) async fn limits(&self, provider: Provider) -> Result<LimiterStatus, UnavailableError> {
        limiter_status(&self.redis, &self.keys, self.group(provider)).await
    }

    pub(crate) async fn usage(&self, provider: Provider) -> Result<Usage, UnavailableError> {
        usage(&self.redis, &self.keys, self.group(provider)).await
    }

    pub(crate) async fn figures(&self) -> Result<Figures, UnavailableError> {
        read_figures(&self.redis, &self.keys).await
    }

    /// Counts an event stream for as long as it is open.
    pub(crate) fn stream(&self) -> OpenStream {
        self.traffic.stream();
        self.streams.fetch_add(1, Relaxed);
        OpenStream(Arc::clone(&self.streams))
    }

    /// Event streams that are open in this process.
    pub(crate) fn open_streams(&self) -> u64 {
        self.streams.load(Relaxed)
    }
}

/// An event stream that is open.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<AtomicU64>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
