//! Every path.

use axum::{
    Router,
    middleware::{from_fn, map_response},
    routing::{get, post},
};

use crate::{
    error::{ApiError, legacy},
    middleware::{access_log, catch_panic, request_id},
    routes::{flashcards, health, jobs},
    state::AppState,
};

/// The whole API.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(v1())
        .merge(legacy_paths())
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
