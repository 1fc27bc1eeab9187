//! A worker's announcement that it lives, and of its limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::WorkerStats;
use crate::{
    budget::money_is_limited,
    limiter::{InForce, Limits, Upstream, announce},
    redis::{Keys, RedisPool, UnavailableError},
    telemetry::CpuMeter,
    workers::{Card, Load, register},
};

/// An announcement counts for this long, and is made anew three times in it.
const TTL: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(10);

/// Announces that this worker lives, and the limits that it was started with: in one command, since an idle worker sends few.
#[derive(Debug)]
pub(super) struct Announcer {
    redis: RedisPool,
    keys: Arc<Keys>,
    worker: String,
    upstream: Option<Arc<Upstream>>,
    card: Card,
    stats: Arc<WorkerStats>,
    cpu: CpuMeter,
    alerted: AtomicBool,
    /// Whether this worker takes no jobs: calls that nothing counts would pass by a limit of money.
    holds: watch::Sender<bool>,
    hold_told: AtomicBool,
}

impl Announcer {
    pub(super) fn new(
        redis: RedisPool,
        keys: Arc<Keys>,
        worker: String,
        upstream: Option<Arc<Upstream>>,
        (card, stats): (Card, Arc<WorkerStats>),
    ) -> Self {
        let (cpu, alerted, hold_told) = (CpuMeter::start(), AtomicBool::new(false), AtomicBool::new(false));
        // Until Redis says that there is no such limit.
        let holds = watch::Sender::new(card.model.as_ref().is_some_and(|model| !model.priced));
        Self { redis, keys, worker, upstream, card, stats, cpu, alerted, holds, hold_told }
    }

    /// Whether this worker may take no jobs now, since its model has no price and money is limited.
    pub(super) fn holds(&self) -> bool {
        *self.holds.borrow()
    }

    /// Returns when this worker may take jobs.
    pub(super) async fn until_released(&self) {
        // The sender lives as long as this.
        let _ = self.holds.subscribe().wait_for(|holds| !holds).await;
    }

    /// Announces until `stop`, and then withdraws.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if self.announce().await {
                self.hold_where_unpriced().await;
            }
        }
        if let Err(error) = self.tell(Duration::ZERO).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "The worker could not withdraw: its limits lapse"
            );
        }
    }

    /// A limit of money is refused while a worker announces a model without a price. One that was set
    /// before is found here, after the announcement, so that neither misses the other.
    async fn hold_where_unpriced(&self) {
        let Some(model) = self.card.model.as_ref().filter(|model| !model.priced) else { return };
        let Ok(holds) = money_is_limited(&self.redis, &self.keys).await else { return };
        self.holds.send_replace(holds);
        if self.hold_told.swap(holds, Relaxed) == holds {
            return;
        }
        if holds {
            tracing::error!(
                openai.model = model.name,
                setting = "OPENAI_PRICES",
                "The model has no price and the budget has a limit in US dollars: this worker takes no jobs until OPENAI_PRICES \
                 lists the model or the limit is unset (unilingo budget unset)"
            );
        } else {
            tracing::info!(openai.model = model.name, "No limit in US dollars is left: jobs are taken again");
        }
    }

    /// Announces now; whether limits are in force then.
    pub(super) async fn announce(&self) -> bool {
        match self.tell(TTL).await {
            Ok(Some((upstream, in_force))) => {
                self.alert(upstream, in_force.limits, in_force.differ);
                in_force.limits.is_some()
            }
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "The limits could not be announced");
                false
            }
        }
    }

    /// What is in force then, where an upstream limits the calls.
    async fn tell(&self, ttl: Duration) -> Result<Option<(&Upstream, InForce)>, UnavailableError> {
        let (redis, keys, worker) = (&self.redis, &self.keys, &self.worker);
        let card = (&self.card, Load { busy: self.stats.running(), cpu: self.cpu.percent() });
        let Some(upstream) = &self.upstream else {
            register(redis, keys, worker, card, ttl).await?;
            return Ok(None);
        };
        let announced = upstream.announced(self.stats.since_last_call());
        let in_force = announce(redis, keys, worker, announced, ttl, Some(card)).await?;
        Ok(Some((upstream, in_force)))
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
