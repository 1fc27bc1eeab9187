//! `GET /api/health/detailed`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::{breaker::BreakerState, job::QueueName};

use super::{LATELY, answer, circuit_breakers, metrics, queue_stats};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// All parts at once. `degraded` where a breaker keeps calls back or the kill switch is thrown; `uptime` is that of this process.
pub(crate) async fn health_detailed(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let monitoring = &state.monitoring;
    let (ai, audio, openai, azure, budget, figures) = patience::redis(async {
        tokio::try_join!(
            state.queue.figures(QueueName::Ai, LATELY),
            state.queue.figures(QueueName::Audio, LATELY),
            monitoring.breaker(Provider::Openai),
            monitoring.breaker(Provider::Azure),
            monitoring.budget.status(None),
            monitoring.figures(),
        )
    })
    .await?;
    let closed = openai.state == BreakerState::Closed && azure.state == BreakerState::Closed;
    let killed = budget.kill_switch.is_some();
    let services = json!({
        "redis": "connected",
        "killSwitch": killed,
        "circuitBreakers": circuit_breakers::all(&state).await?,
        "queues": {
            "ai-jobs": queue_stats::shown(QueueName::Ai, &ai),
            "audio-jobs": queue_stats::shown(QueueName::Audio, &audio),
        },
        "metrics": metrics::shown(&figures),
    });
    let mut body = answer("services", services);
    body["status"] = json!(if closed && !killed { "healthy" } else { "degraded" });
    body["uptime"] = json!(monitoring.started.elapsed().as_secs());
    body["pid"] = json!(std::process::id());
    Ok(body)
}
