//! `POST /api/circuit-breakers/reset/{name}`

use axum::extract::{Path, State, rejection::PathRejection};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, Told,
    circuit_breakers::{CircuitBreaker, one},
    told,
};
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
    circuit_breaker: CircuitBreaker,
    message: String,
}

/// Close a circuit breaker
///
/// Whatever has opened it. An unknown name is 400 with those that are `available`.
#[utoipa::path(
    post,
    path = "/api/circuit-breakers/reset/{name}",
    operation_id = "resetCircuitBreaker",
    tag = "Administration",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(("name" = String, Path, description = "The provider", pattern = "^(openai|azure)$", example = "openai")),
    responses(
        (status = 200, description = "The breaker", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfBreaker)>,
    ),
)]
pub(crate) async fn reset_breaker(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Answer<Body>, ApiError> {
    let Some(provider) = name.ok().and_then(|Path(name)| Provider::from_name(&name)) else {
        return Err(ApiError::unknown_breaker(Provider::ALL.map(Provider::as_str)));
    };
    patience::redis(state.monitoring.close_breaker(provider)).await?;
    tracing::warn!(breaker = provider.as_str(), "Circuit breaker closed by an operator");
    let message = format!("The circuit breaker {} is closed", provider.as_str());
    Ok(told(Body { circuit_breaker: one(&state, provider).await?, message }))
}
