//! What every handler shares.

use std::sync::Arc;

use shared::{
    budget::Allowance,
    config::{ApiConfig, AuthMode, ConfigError, DurabilityConfig, JobsConfig, OpenAiBreakerConfig, RedisConfig},
    lifecycle::Lifecycle,
    queue::{JobEvents, Queue},
    redis::{DurabilityError, Keys, RedisPool, check_durability},
};
use tokio_util::sync::CancellationToken;

use crate::monitoring::Monitoring;

/// Handles on what is shared; nothing of a request or a job lives here.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) redis: RedisPool,
    pub(crate) queue: Queue,
    pub(crate) events: JobEvents,
    pub(crate) monitoring: Monitoring,
    pub(crate) drain: CancellationToken,
}

impl AppState {
    /// Prepares everything; nothing here waits for Redis, so that the process starts while it is away.
    ///
    /// # Errors
    ///
    /// When the address of Redis can't be read.
    pub fn start(
        api: ApiConfig,
        redis: &RedisConfig,
        jobs: JobsConfig,
        allowance: Allowance,
        lifecycle: &Lifecycle,
    ) -> Result<Self, ConfigError> {
        let pool = RedisPool::new(redis)?;
        let monitoring = Monitoring::start(&pool, &Keys::new(&redis.queue_prefix), &allowance, lifecycle);
        let queue = Queue::new(pool.clone(), &redis.queue_prefix, jobs).with_budget(allowance);
        let events = JobEvents::start(queue.clone(), lifecycle);
        warn_of_trust(&api);
        Ok(Self { config: Arc::new(api), redis: pool, queue, events, monitoring, drain: lifecycle.drain().clone() })
    }
}

impl AppState {
    /// The same, which tells when the breaker of the model opens and closes.
    #[must_use]
    pub fn with_breaker(self, breaker: &OpenAiBreakerConfig) -> Self {
        Self { monitoring: self.monitoring.with_breaker(breaker), ..self }
    }

    /// Says when Redis may lose jobs; with `--strict` that is an error.
    ///
    /// # Errors
    ///
    /// With `--strict` alone: when Redis may lose jobs, or can't be asked.
    pub async fn check_durability(
        &self,
        config: DurabilityConfig,
        lifecycle: &Lifecycle,
    ) -> Result<(), DurabilityError> {
        check_durability(&self.redis, config, lifecycle).await
    }
}

fn warn_of_trust(api: &ApiConfig) {
    if api.auth.contains(&AuthMode::TrustClient) {
        tracing::warn!(
            "AUTH=trust-client: ANYONE WHO REACHES THIS PORT CAN ACT AS ANY USER. Only for development and private networks"
        );
    }
}
