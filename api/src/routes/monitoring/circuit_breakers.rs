//! `GET /api/circuit-breakers/status`

use axum::extract::State;
use serde::Serialize;
use shared::breaker::{BreakerState, BreakerStatus};
use utoipa::ToSchema;

use super::{Answer, Told, told};
use crate::{
    error::ApiError,
    monitoring::Provider,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    circuit_breakers: CircuitBreakers,
}

/// The breaker of every provider.
#[derive(Serialize, ToSchema)]
pub(super) struct CircuitBreakers {
    openai: CircuitBreaker,
    azure: CircuitBreaker,
}

/// Where a provider's breaker stands. Times are ms since the Unix epoch.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CircuitBreaker {
    #[schema(example = "openai")]
    name: &'static str,
    state: BreakerState,
    /// Failures that count at present.
    failures: u64,
    /// Probes that succeeded since it opened.
    successes: u64,
    /// So many failures open it.
    failure_threshold: u32,
    /// So many probes close it.
    success_threshold: u32,
    opened_at: Option<u64>,
    /// When the next probe may go.
    next_retry_at: Option<u64>,
    /// Why it opened: a code.
    reason: Option<String>,
}

/// See the circuit breakers
#[utoipa::path(
    get,
    path = "/api/circuit-breakers/status",
    operation_id = "getCircuitBreakers",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "The breaker of every provider", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis)>,
    ),
)]
pub(crate) async fn circuit_breakers(State(state): State<AppState>) -> Result<Answer<Body>, ApiError> {
    let circuit_breakers = all(&state).await?;
    Ok(told(Body { circuit_breakers }))
}

/// Each breaker under its provider's name.
pub(super) async fn all(state: &AppState) -> Result<CircuitBreakers, ApiError> {
    Ok(CircuitBreakers { openai: one(state, Provider::Openai).await?, azure: one(state, Provider::Azure).await? })
}

pub(super) async fn one(state: &AppState, provider: Provider) -> Result<CircuitBreaker, ApiError> {
    let status = patience::redis(state.monitoring.breaker(provider)).await?;
    Ok(shown(provider, state.monitoring.thresholds(provider), status))
}

fn shown(provider: Provider, (failures, successes): (u32, u32), status: BreakerStatus) -> CircuitBreaker {
    CircuitBreaker {
        name: provider.as_str(),
        state: status.state,
        failures: status.failures,
        successes: status.successes,
        failure_threshold: failures,
        success_threshold: successes,
        opened_at: status.opened_at_ms,
        next_retry_at: status.next_probe_at_ms,
        reason: status.reason,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_open_breaker_says_since_when_and_until_when() {
        let status = BreakerStatus {
            state: BreakerState::HalfOpen,
            reason: Some("timeout".to_owned()),
            failures: 1,
            last_failure_at_ms: None,
            successes: 1,
            opened_at_ms: Some(5),
            next_probe_at_ms: None,
        };
        let expected = json!({
            "name": "azure", "state": "HALF_OPEN", "failures": 1, "successes": 1, "failureThreshold": 3,
            "successThreshold": 2, "openedAt": 5, "nextRetryAt": null, "reason": "timeout",
        });
        assert_eq!(serde_json::to_value(shown(Provider::Azure, (3, 2), status)).unwrap(), expected);
    }
}
