//! A worker's announcement of its limits, for as long as it lives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    limiter::{Limits, Upstream, announce},
    redis::{Keys, RedisPool},
};

/// An announcement counts for this long, and is made anew three times in it.
const TTL: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(10);

/// Announces the limits that this worker was started with.
#[derive(Debug)]
pub(super) struct Announcer {
    redis: RedisPool,
    keys: Arc<Keys>,
    worker: String,
    upstream: Option<Arc<Upstream>>,
    alerted: AtomicBool,
}

impl Announcer {
    pub(super) const fn new(
        redis: RedisPool,
        keys: Arc<Keys>,
        worker: String,
        upstream: Option<Arc<Upstream>>,
    ) -> Self {
        Self { redis, keys, worker, upstream, alerted: AtomicBool::new(false) }
    }

    /// Announces until `stop`, and then withdraws.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let Some(upstream) = &self.upstream else { return };
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.announce().await;
        }
        let withdrawn =
            announce(&self.redis, &self.keys, &upstream.group, &self.worker, upstream.limits, Duration::ZERO);
        if let Err(error) = withdrawn.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "The limits could not be withdrawn: they lapse");
        }
    }

    /// Announces now; whether limits are in force then.
    pub(super) async fn announce(&self) -> bool {
        let Some(upstream) = &self.upstream else { return true };
        match announce(&self.redis, &self.keys, &upstream.group, &self.worker, upstream.limits, TTL).await {
            Ok(in_force) => {
                self.alert(upstream, in_force.limits, in_force.differ);
                in_force.limits.is_some()
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "The limits could not be announced");
                false
            }
        }
    }

    /// Tells when workers begin to announce different limits, and when they agree again.
    fn alert(&self, upstream: &Upstream, in_force: Option<Limits>, differ: bool) {
        if self.alerted.swap(differ, Relaxed) == differ {
            return;
        }
        let (group, own) = (upstream.group.as_str(), upstream.limits);
        if differ {
            tracing::warn!(
                limiter.group = group,
                own = ?own,
                in_force = ?in_force,
                "Rate limit settings differ between workers: the lowest counts until they agree, or an operator sets one (unilingo limits set)"
            );
        } else {
            tracing::info!(limiter.group = group, in_force = ?in_force, "Rate limit settings agree again");
        }
    }
}
