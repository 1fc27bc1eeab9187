//! `POST /api/circuit-breakers/reset/{name}`

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use serde_json::Value;

use super::{answer, circuit_breakers::one};
use crate::{error::ApiError, monitoring::Provider, patience, state::AppState};

/// Closes the breaker, whatever has opened it, and answers with it.
pub(crate) async fn reset_breaker(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Some(provider) = name.ok().and_then(|Path(name)| Provider::from_name(&name)) else {
        return Err(ApiError::unknown_breaker(Provider::ALL.map(Provider::as_str)));
    };
    patience::redis(state.monitoring.close_breaker(provider)).await?;
    tracing::warn!(breaker = provider.as_str(), "Circuit breaker closed by an operator");
    let mut body = answer("circuitBreaker", one(&state, provider).await?);
    body["message"] = format!("The circuit breaker {} is closed", provider.as_str()).into();
    Ok(body)
}
