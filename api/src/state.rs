//! What every handler shares.

use std::sync::Arc;

use shared::{
    api_keys::ApiKeys,
    budget::Allowance,
    config::{ApiConfig, AuthMode, ConfigError, DurabilityConfig, JobsConfig, RedisConfig},
    lifecycle::Lifecycle,
    queue::{JobEvents, Queue},
    redis::{DurabilityError, Keys, RedisPool, check_durability},
    request_limits::RequestLimits,
};
use tokio_util::sync::CancellationToken;

use crate::identity::Identity;

/// Handles on what is shared; nothing of a request or a job lives here.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) redis: RedisPool,
    pub(crate) queue: Queue,
    pub(crate) events: JobEvents,
    pub(crate) identity: Identity,
    pub(crate) request_limits: RequestLimits,
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
        let queue = Queue::new(pool.clone(), &redis.queue_prefix, jobs).with_budget(allowance);
        let events = JobEvents::start(queue.clone(), lifecycle);
        let keys = Keys::new(&redis.queue_prefix);
        let identity = Identity::new(api.identity.clone(), ApiKeys::new(pool.clone(), keys.clone()))?;
        let request_limits = RequestLimits::new(pool.clone(), keys);
        warn_of_trust(&api);
        let drain = lifecycle.drain().clone();
        Ok(Self { config: Arc::new(api), redis: pool, queue, events, identity, request_limits, drain })
    }
}

impl AppState {
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
    if api.identity.allows(AuthMode::TrustClient) {
        tracing::warn!(
            "AUTH=trust-client: ANYONE WHO REACHES THIS PORT CAN ACT AS ANY USER. Only for development and private networks"
        );
    }
}
