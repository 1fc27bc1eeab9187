//! What every handler shares.

use std::{ops::Deref, sync::Arc};

use axum::http::HeaderValue;
use shared::{
    api_keys::ApiKeys,
    budget::Allowance,
    config::{ApiConfig, AuthMode, ConfigError, DurabilityConfig, JobsConfig, OpenAiBreakerConfig, RedisConfig},
    lifecycle::Lifecycle,
    queue::{JobEvents, Queue},
    redis::{DurabilityError, Keys, RedisPool, check_durability},
    request_limits::RequestLimits,
    users::Users,
};
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use crate::{
    extract::UploadRoom,
    held_places::HeldPlaces,
    identity::Identity,
    middleware::{Room, cors},
    monitoring::Monitoring,
    openapi::DocumentText,
};

/// Handles on what is shared; nothing of a request or a job lives here. Cheap to clone, which each layer around a handler does.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Handles>);

/// What [`AppState`] shares.
#[derive(Debug)]
pub struct Handles {
    pub(crate) config: ApiConfig,
    pub(crate) redis: RedisPool,
    pub(crate) queue: Queue,
    pub(crate) events: JobEvents,
    pub(crate) identity: Identity,
    pub(crate) request_limits: RequestLimits,
    pub(crate) monitoring: Monitoring,
    pub(crate) users: Users,
    pub(crate) room: Room,
    pub(crate) uploads: UploadRoom,
    pub(crate) held: HeldPlaces,
    /// Where pages of other origins may do anything.
    pub(crate) cors: Option<CorsLayer>,
    /// What the API says about itself.
    pub(crate) document: DocumentText,
    /// Names this process in answers.
    pub(crate) replica: HeaderValue,
    pub(crate) drain: CancellationToken,
}

impl Deref for AppState {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.0
    }
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
        breaker: &OpenAiBreakerConfig,
        lifecycle: &Lifecycle,
    ) -> Result<Self, ConfigError> {
        let pool = RedisPool::new(redis)?;
        let monitoring = Monitoring::start(&pool, &Keys::new(&redis.queue_prefix), &allowance, breaker, lifecycle);
        let queue = Queue::new(pool.clone(), &redis.queue_prefix, jobs).with_budget(allowance);
        let users = Users::new(queue.clone());
        let events = JobEvents::start(queue.clone(), lifecycle);
        let keys = Keys::new(&redis.queue_prefix);
        let identity = Identity::new(api.identity.clone(), ApiKeys::new(pool.clone(), keys.clone()))?;
        let request_limits = RequestLimits::new(pool.clone(), keys);
        let (room, cors) = (Room::of(api.api_max_concurrent), cors(&api.cors_allowed_origins)?);
        let held = HeldPlaces::new(api.api_max_held_per_user, api.held_per_address());
        let replica = replica_name(&api.replica_id);
        warn_of_trust(&api);
        let drain = lifecycle.drain().clone();
        Ok(Self(Arc::new(Handles {
            config: api,
            redis: pool,
            queue,
            events,
            identity,
            request_limits,
            monitoring,
            users,
            room,
            uploads: UploadRoom::default(),
            held,
            cors,
            document: DocumentText::default(),
            replica,
            drain,
        })))
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

/// Two processes under one id are told apart, as the one before and after a restart are.
fn replica_name(id: &str) -> HeaderValue {
    let boot = Uuid::now_v7().simple().to_string();
    let name = format!("{id}-{}", &boot[boot.len() - 8..]);
    HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("api"))
}

fn warn_of_trust(api: &ApiConfig) {
    if api.identity.allows(AuthMode::TrustClient) {
        tracing::warn!(
            "AUTH=trust-client: ANYONE WHO REACHES THIS PORT CAN ACT AS ANY USER. Only for development and private networks"
        );
    }
}
