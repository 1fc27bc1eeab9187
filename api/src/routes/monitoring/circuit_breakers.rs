//! `GET /api/circuit-breakers/status`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::breaker::BreakerStatus;

use super::answer;
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// The breaker of every provider.
pub(crate) async fn circuit_breakers(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let shown = all(&state).await?;
    Ok(answer("circuitBreakers", shown))
}

/// Each breaker under its provider's name.
pub(super) async fn all(state: &AppState) -> Result<Value, ApiError> {
    let mut shown = json!({});
    for provider in Provider::ALL {
        shown[provider.as_str()] = one(state, provider).await?;
    }
    Ok(shown)
}

pub(super) async fn one(state: &AppState, provider: Provider) -> Result<Value, ApiError> {
    let status = patience::redis(state.monitoring.breaker(provider)).await?;
    Ok(shown(provider, state.monitoring.thresholds(provider), &status))
}

/// Times are ms since the Unix epoch.
fn shown(provider: Provider, (failures, successes): (u32, u32), status: &BreakerStatus) -> Value {
    json!({
        "name": provider.as_str(),
        "state": status.state,
        "failures": status.failures,
        "successes": status.successes,
        "failureThreshold": failures,
        "successThreshold": successes,
        "openedAt": status.opened_at_ms,
        "nextRetryAt": status.next_probe_at_ms,
        "reason": status.reason,
    })
}

#[cfg(test)]
mod tests {
    use shared::breaker::BreakerState;

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
        assert_eq!(shown(Provider::Azure, (3, 2), &status), expected);
    }
}
