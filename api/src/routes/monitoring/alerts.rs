//! `GET /api/metrics/alerts`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::{breaker::BreakerState, job::QueueName, queue::QueueFigures};

use super::{LATELY, answer, circuit_breakers, metrics, percent, queue_stats, sse_stats};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// Jobs in line above which a queue is deep.
const DEPTH_HIGH: u64 = 50;
/// Jobs in line above which it is far too deep.
const DEPTH_CRITICAL: u64 = 100;
/// Percent of the jobs that ended lately.
const FAILURE_RATE_HIGH: f64 = 10.0;
/// Jobs of this age must have come to something, where nothing holds them.
const STALL_MS: u64 = 60_000;

/// A queue, and what may hold its jobs.
struct Watched {
    name: QueueName,
    figures: QueueFigures,
    breaker: BreakerState,
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
        Ok(Self { name, figures, breaker: breaker.state, held })
    }

    /// Jobs wait that could run, and for a minute nobody has taken or ended any.
    const fn stalled(&self) -> bool {
        let free = !self.held && !self.figures.paused && matches!(self.breaker, BreakerState::Closed);
        let idle = self.figures.active == 0 && self.figures.ended_last_minute == 0;
        free && idle && self.figures.waiting > 0 && self.figures.oldest_ms >= STALL_MS
    }
}

/// What an operator should look at, and the figures that say so.
pub(crate) async fn alerts(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let queues = [Watched::read(&state, QueueName::Ai).await?, Watched::read(&state, QueueName::Audio).await?];
    let figures = patience::redis(state.monitoring.figures()).await?;
    let alerts = raised(&queues);
    let active = alerts.as_object().map_or(0, |alerts| alerts.values().filter(|on| **on == json!(true)).count());

    let mut queue = queue_stats::shown(QueueName::Ai, &queues[0].figures);
    for watched in &queues {
        queue["queues"][watched.name.as_str()] = queue_stats::shown(watched.name, &watched.figures);
    }
    let mut performance = metrics::shown(&figures);
    performance["failureRate"] = json!(failure_rate(&queues));
    let shown = json!({
        "queue": queue,
        "performance": performance,
        "circuitBreakers": circuit_breakers::all(&state).await?,
        "sse": sse_stats::shown(&state, figures.streams()),
    });
    let mut body = answer("metrics", shown);
    body["alerts"] = alerts;
    body["alertsActive"] = active.into();
    Ok(body)
}

fn raised(queues: &[Watched]) -> Value {
    let depth = queues.iter().map(|queue| queue.figures.in_line()).max().unwrap_or_default();
    json!({
        "queueDepthHigh": depth > DEPTH_HIGH,
        "queueDepthCritical": depth > DEPTH_CRITICAL,
        "failureRateHigh": failure_rate(queues) > FAILURE_RATE_HIGH,
        "circuitBreakerOpen": queues.iter().any(|queue| queue.breaker != BreakerState::Closed),
        "workerStalled": queues.iter().any(Watched::stalled),
    })
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
        let raised = raised(&[Watched { name: QueueName::Ai, figures, breaker, held: false }]);
        let alerts = raised.as_object().unwrap().iter();
        alerts.filter(|(_, on)| **on == json!(true)).map(|(name, _)| name.clone()).collect()
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
        ] {
            assert_eq!(alerts_of(figures, breaker), expected, "{figures:?} {breaker:?}");
        }
    }
}
