//! Every path.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state, map_response},
    routing::{get, post},
};

use crate::{
    error::{ApiError, legacy},
    middleware::{access_log, catch_panic, count_traffic, monitoring_guard, request_id},
    routes::{events, flashcards, health, jobs, monitoring as shown},
    state::AppState,
};

/// The whole API.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(v1().merge(legacy_paths()).layer(from_fn_with_state(state.clone(), count_traffic)))
        .merge(monitoring(&state))
        .fallback(async || ApiError::path_not_found())
        .layer(from_fn(access_log))
        .layer(from_fn(request_id))
        .with_state(state)
}

/// Errors are problems.
fn v1() -> Router<AppState> {
    Router::new()
        .route("/api/health", get(health::live))
        .route("/api/ready", get(health::ready))
        .route("/api/v1/flashcards", post(flashcards::create))
        .route("/api/v1/jobs/{id}", get(jobs::get).delete(jobs::cancel))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}

/// What shipped apps and scripts in the field call; errors are written as they know them.
fn legacy_paths() -> Router<AppState> {
    Router::new()
        .route("/api/ai/generate-flashcards", post(flashcards::generate))
        .route("/api/job-status/{jobId}", get(jobs::status))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
        .layer(map_response(legacy))
}

/// What operators watch and change, and what apps may watch. Errors are written as their scripts know them.
fn monitoring(state: &AppState) -> Router<AppState> {
    let restricted = Router::new()
        .route("/api/admin/budget/kill-switch", post(shown::kill_switch))
        .route("/api/admin/budget/status", get(shown::budget_status))
        .route("/api/circuit-breakers/reset/{name}", post(shown::reset_breaker))
        .route("/api/circuit-breakers/status", get(shown::circuit_breakers))
        .route("/api/health/detailed", get(shown::health_detailed))
        .route("/api/metrics", get(shown::metrics))
        .route("/api/metrics/alerts", get(shown::alerts))
        .route("/api/pronunciation/status", get(shown::pronunciation_status))
        .route("/api/queue/stats", get(shown::queue_stats))
        .route("/api/redis/health", get(shown::redis_health))
        .route("/api/sse/stats", get(shown::sse_stats))
        .route_layer(from_fn_with_state(state.clone(), monitoring_guard));
    let open = Router::new()
        .route("/api/ai/status", get(shown::ai_status))
        .route("/api/job-events", get(events::job_events))
        .route_layer(from_fn_with_state(state.clone(), count_traffic));
    restricted
        .merge(open)
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
        .layer(map_response(legacy))
}
