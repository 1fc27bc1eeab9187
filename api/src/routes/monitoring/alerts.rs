//! `GET /api/metrics/alerts`

use axum::extract::State;
use serde::Serialize;
use shared::{breaker::BreakerState, clock::unix_ms, job::QueueName, openai::ModelFinding, queue::QueueFigures};
use utoipa::ToSchema;

use super::{
    Answer, LATELY, Told,
    circuit_breakers::{self, CircuitBreakers},
    metrics::{self, Metrics},
    percent,
    queue_stats::{self, BothQueues, QueueStats},
    sse_stats::{self, SseStats},
    told,
};
use crate::{
    error::ApiError,
    monitoring::Provider,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

/// Jobs in line above which a queue is deep.
const DEPTH_HIGH: u64 = 50;
/// Jobs in line above which it is far too deep.
const DEPTH_CRITICAL: u64 = 100;
/// Percent of the jobs that ended lately.
const FAILURE_RATE_HIGH: f64 = 10.0;
/// Workers that were lost within ten minutes.
const CRASH_LOOP: u64 = 3;
/// Jobs of this age must have come to something, where nothing holds them.
const STALL_MS: u64 = 60_000;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    metrics: Shown,
    alerts: Alerts,
    /// How many of them are raised.
    alerts_active: usize,
}

/// What the alerts are raised by.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertMetrics)]
struct Shown {
    queue: Queues,
    performance: Performance,
    circuit_breakers: CircuitBreakers,
    sse: SseStats,
}

/// The queue of flashcards, and both queues.
#[derive(Serialize, ToSchema)]
struct Queues {
    #[serde(flatten)]
    ai: QueueStats,
    queues: BothQueues,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Performance {
    #[serde(flatten)]
    metrics: Metrics,
    /// Dead letters of the jobs that ended in the last 15 minutes, in percent.
    failure_rate: f64,
}

/// What an operator should look at.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is an alert of its own")]
struct Alerts {
    /// More than 50 jobs in line in a queue.
    queue_depth_high: bool,
    /// More than 100 of them.
    queue_depth_critical: bool,
    /// More than 10 % of the jobs that ended in the last 15 minutes.
    failure_rate_high: bool,
    circuit_breaker_open: bool,
    /// Jobs could run, and none was taken or ended for a minute.
    worker_stalled: bool,
    /// Three workers or more were lost within ten minutes: they were killed or ended by themselves while they had jobs.
    worker_crash_loop: bool,
    /// No OpenAI call works until a person corrects a setting.
    openai_misconfigured: bool,
    /// The provider shuts the model down within 90 days.
    openai_model_shutdown: bool,
}

impl Alerts {
    fn active(&self) -> usize {
        let all = [
            self.queue_depth_high,
            self.queue_depth_critical,
            self.failure_rate_high,
            self.circuit_breaker_open,
            self.worker_stalled,
            self.worker_crash_loop,
            self.openai_misconfigured,
            self.openai_model_shutdown,
        ];
        all.into_iter().filter(|raised| *raised).count()
    }
}

/// A queue, and what may hold its jobs.
struct Watched {
    name: QueueName,
    figures: QueueFigures,
    breaker: BreakerState,
    /// Its breaker waits for a person to correct a setting.
    misconfigured: bool,
    /// The budget's kill switch, or a pause that the upstream asked for.
    held: bool,
}

impl Watched {
    async fn read(state: &AppState, name: QueueName) -> Result<Self, ApiError> {
        let provider = match name {
            QueueName::Ai => Provider::Openai,
            QueueName::Audio => Provider::Azure,
        };
        let (figures, breaker, limits, budget) = patience::redis(async {
            tokio::try_join!(
                state.queue.figures(name, LATELY),
                state.monitoring.breaker(provider),
                state.monitoring.limits(provider),
                state.monitoring.budget.status(None),
            )
        })
        .await?;
        let held = budget.kill_switch.is_some() || limits.pause_until_ms.is_some_and(|until| until > figures.at_ms);
        let misconfigured = breaker.is_misconfigured();
        Ok(Self { name, figures, breaker: breaker.state, misconfigured, held })
    }

    /// Jobs wait that could run, and for a minute nobody has taken or ended any.
    const fn stalled(&self) -> bool {
        let free = !self.held && !self.figures.paused && matches!(self.breaker, BreakerState::Closed);
        let idle = self.figures.active == 0 && self.figures.ended_last_minute == 0;
        free && idle && self.figures.waiting > 0 && self.figures.oldest_ms >= STALL_MS
    }
}

/// See what should be looked at
///
/// And the figures that say so.
#[utoipa::path(
    get,
    path = "/api/metrics/alerts",
    operation_id = "getAlerts",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "Alerts and figures", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn alerts(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let queues = [Watched::read(&state, QueueName::Ai).await?, Watched::read(&state, QueueName::Audio).await?];
    let figures = patience::redis(state.monitoring.figures()).await?;
    let alerts = raised(&queues, patience::redis(state.monitoring.model()).await?);
    let [ai, audio] = &queues;
    let metrics = Shown {
        queue: Queues {
            ai: queue_stats::shown(ai.name, &ai.figures),
            queues: queue_stats::both(&ai.figures, &audio.figures),
        },
        performance: Performance { metrics: metrics::shown(&figures), failure_rate: failure_rate(&queues) },
        circuit_breakers: circuit_breakers::all(&state).await?,
        sse: sse_stats::shown(&state, figures.streams()),
    };
    Ok(told(Body { metrics, alerts_active: alerts.active(), alerts }))
}

fn raised(queues: &[Watched], model: Option<ModelFinding>) -> Alerts {
    let depth = queues.iter().map(|queue| queue.figures.in_line()).max().unwrap_or_default();
    Alerts {
        queue_depth_high: depth > DEPTH_HIGH,
        queue_depth_critical: depth > DEPTH_CRITICAL,
        failure_rate_high: failure_rate(queues) > FAILURE_RATE_HIGH,
        circuit_breaker_open: queues.iter().any(|queue| queue.breaker != BreakerState::Closed),
        worker_stalled: queues.iter().any(Watched::stalled),
        worker_crash_loop: queues.iter().any(|queue| queue.figures.workers_lost >= CRASH_LOOP),
        openai_misconfigured: queues.iter().any(|queue| queue.misconfigured)
            || model.is_some_and(|model| !model.served),
        openai_model_shutdown: model.is_some_and(|model| model.shuts_down_soon(unix_ms())),
    }
}

/// Percent of the jobs that ended lately, in all queues, which are dead letters.
fn failure_rate(queues: &[Watched]) -> f64 {
    let failed = queues.iter().map(|queue| queue.figures.failed_lately).sum::<u64>();
    let completed = queues.iter().map(|queue| queue.figures.completed_lately).sum::<u64>();
    percent(failed, failed + completed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts_of(figures: QueueFigures, breaker: BreakerState) -> Vec<String> {
        let queue = Watched { name: QueueName::Ai, figures, breaker, misconfigured: false, held: false };
        names_of(&raised(&[queue], None))
    }

    fn names_of(raised: &Alerts) -> Vec<String> {
        let shown = serde_json::to_value(raised).unwrap();
        let alerts = shown.as_object().unwrap().iter();
        let names: Vec<_> = alerts.filter(|(_, on)| **on == true).map(|(name, _)| name.clone()).collect();
        assert_eq!(raised.active(), names.len());
        names
    }

    #[test]
    fn what_a_person_has_to_correct_is_an_alert_of_its_own() {
        let refused = Watched {
            name: QueueName::Ai,
            figures: QueueFigures::default(),
            breaker: BreakerState::Open,
            misconfigured: true,
            held: false,
        };
        assert_eq!(names_of(&raised(&[refused], None)), ["circuitBreakerOpen", "openaiMisconfigured"]);
        let model = |served, shutdown_s| names_of(&raised(&[], Some(ModelFinding { served, shutdown_s })));
        assert_eq!(model(false, None), ["openaiMisconfigured"]);
        assert_eq!(model(true, Some(unix_ms() / 1_000)), ["openaiModelShutdown"]);
        assert!(model(true, None).is_empty() && model(true, Some(u64::MAX)).is_empty());
    }

    #[test]
    fn each_alert_is_raised_by_what_it_is_about() {
        let quiet = QueueFigures::default();
        let closed = BreakerState::Closed;
        let old = QueueFigures { waiting: 1, oldest_ms: STALL_MS, ..quiet };
        for (figures, breaker, expected) in [
            (quiet, closed, &[][..]),
            (QueueFigures { waiting: 40, delayed: 10, active: 1, ..quiet }, closed, &[]),
            (QueueFigures { waiting: 41, delayed: 10, active: 1, ..quiet }, closed, &["queueDepthHigh"]),
            (QueueFigures { waiting: 101, ..quiet }, closed, &["queueDepthHigh", "queueDepthCritical"]),
            (QueueFigures { failed_lately: 1, completed_lately: 9, ..quiet }, closed, &[]),
            (QueueFigures { failed_lately: 2, completed_lately: 9, ..quiet }, closed, &["failureRateHigh"]),
            (quiet, BreakerState::HalfOpen, &["circuitBreakerOpen"]),
            (old, closed, &["workerStalled"]),
            (QueueFigures { oldest_ms: STALL_MS - 1, ..old }, closed, &[]),
            (QueueFigures { active: 1, ..old }, closed, &[]),
            (QueueFigures { ended_last_minute: 1, ..old }, closed, &[]),
            (QueueFigures { paused: true, ..old }, closed, &[]),
            (old, BreakerState::Open, &["circuitBreakerOpen"]),
            (QueueFigures { workers_lost: 2, ..quiet }, closed, &[]),
            (QueueFigures { workers_lost: 3, ..quiet }, closed, &["workerCrashLoop"]),
        ] {
            assert_eq!(alerts_of(figures, breaker), expected, "{figures:?} {breaker:?}");
        }
    }
}
