//! Reading where the fleet stands.

use std::time::Duration;

use crate::{
    breaker::{BreakerStatus, breaker_status},
    budget::{Budget, BudgetStatus, Limits},
    job::QueueName,
    limiter::{Group, LimiterStatus, Usage, limiter_status, usage},
    metrics::{Figures, read_figures},
    openai::{ModelFinding, model_finding},
    queue::{LineFigures, line_figures},
    redis::{Keys, RedisPool, UnavailableError},
    workers::{LiveWorker, live_workers},
};

/// The model that stands for Azure's speech service in its group.
const AZURE_MODEL: &str = "speech";

/// Looks at the fleet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fleet {
    redis: RedisPool,
    keys: Keys,
    /// The upstream of each queue's jobs.
    groups: [(QueueName, Group); 2],
    budget: Budget,
}

/// The fleet at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The queues with those who work for them, in the order of [`QueueName::ALL`].
    pub services: [ServiceLook; 2],
    /// Counters.
    pub figures: Figures,
    /// What is spent.
    pub budget: BudgetStatus,
}

/// A queue, its workers and their upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceLook {
    /// The queue.
    pub queue: QueueName,
    /// Whose limits hold for its calls.
    pub group: Group,
    /// Its jobs.
    pub line: LineFigures,
    /// Its live workers.
    pub workers: Vec<LiveWorker>,
    /// The limits of its calls.
    pub limits: LimiterStatus,
    /// What of the window is used.
    pub usage: Usage,
    /// The breaker of its upstream.
    pub breaker: BreakerStatus,
    /// What the provider says of the model, where that is known.
    pub model: Option<ModelFinding>,
    /// How long a call takes that goes well; `None` before the first.
    pub call_time: Option<Duration>,
}

impl Fleet {
    /// The fleet below the prefix of `keys`, whose flashcards are made by `model`. `limits` are those of the budget where no
    /// operator has set any.
    #[must_use]
    pub fn new(redis: RedisPool, keys: Keys, model: &str, limits: Limits) -> Self {
        let groups =
            [(QueueName::Ai, Group::new("openai", model)), (QueueName::Audio, Group::new("azure", AZURE_MODEL))];
        let budget = Budget::new(redis.clone(), keys.clone(), limits);
        Self { redis, keys, groups, budget }
    }

    /// The fleet as it is now.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn look(&self) -> Result<Look, UnavailableError> {
        let [ai, audio] = &self.groups;
        let (figures, budget) = tokio::try_join!(read_figures(&self.redis, &self.keys), self.budget.status(None))?;
        let of = |service| Box::pin(self.service(service, &figures));
        let (ai, audio) = tokio::try_join!(of(ai), of(audio))?;
        Ok(Look { services: [ai, audio], figures, budget })
    }

    async fn service(
        &self,
        (queue, group): &(QueueName, Group),
        figures: &Figures,
    ) -> Result<ServiceLook, UnavailableError> {
        let (redis, keys) = (&self.redis, &self.keys);
        let (line, workers, limits, usage, breaker, model) = tokio::try_join!(
            line_figures(redis, keys, *queue),
            live_workers(redis, keys, *queue),
            limiter_status(redis, keys, group),
            usage(redis, keys, group),
            breaker_status(redis, keys, group.provider()),
            model_finding(redis, keys, group),
        )?;
        let call_time = figures.call_time(group.provider());
        Ok(ServiceLook { queue: *queue, group: group.clone(), line, workers, limits, usage, breaker, model, call_time })
    }
}

impl ServiceLook {
    /// The limit in force of that name; `None` where there is none, or none that a live worker has announced.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<u64> {
        self.limits.in_force.get(name).copied().filter(|limit| *limit > 0)
    }

    /// Slots of all live workers, and how many of them ran jobs when they were heard last.
    #[must_use]
    pub fn slots(&self) -> (u64, u64) {
        let sum = |of: fn(&LiveWorker) -> u32| self.workers.iter().map(|worker| u64::from(of(worker))).sum();
        (sum(|worker| worker.slots), sum(|worker| worker.busy))
    }

    /// Whether a person has to correct a setting before any call works.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        self.breaker.is_misconfigured() || self.model.is_some_and(|model| !model.served)
    }

    /// Whether the upstream has asked for a pause that is not over.
    #[must_use]
    pub fn is_paused_by_upstream(&self) -> bool {
        self.limits.pause_until_ms.is_some_and(|until| until > self.line.at_ms)
    }
}
