//! Every path.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state, map_response},
    routing::{delete, get, post},
};

use tower_http::compression::CompressionLayer;

use crate::{
    error::{ApiError, legacy},
    middleware::{access_log, answer_headers, catch_panic, overload, request_id},
    request_limits::general,
    routes::{flashcards, health, jobs, limits},
    state::AppState,
};

/// The whole API.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(v1(&state))
        .merge(legacy_paths(&state))
        .fallback(async || ApiError::path_not_found())
        .layer(from_fn_with_state(state.room.clone(), overload))
        .layer(CompressionLayer::new())
        .layer(state.cors.clone())
        .layer(from_fn(access_log))
        .layer(from_fn(request_id))
        .layer(from_fn_with_state(state.replica.clone(), answer_headers))
        .with_state(state)
}

/// Errors are problems.
fn v1(state: &AppState) -> Router<AppState> {
    let limited = || from_fn_with_state(state.clone(), general);
    Router::new()
        .route("/api/health", get(health::live))
        .route("/api/ready", get(health::ready))
        .route("/api/v1/flashcards", post(flashcards::create).layer(limited()))
        .route("/api/v1/jobs", get(jobs::list).layer(limited()))
        .route("/api/v1/limits", get(limits::get))
        // Looking at a job is not limited, so that it can be polled.
        .route("/api/v1/jobs/{id}", get(jobs::get).merge(delete(jobs::cancel).layer(limited())))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}

/// What shipped apps and scripts in the field call; errors are written as they know them.
fn legacy_paths(state: &AppState) -> Router<AppState> {
    let limited = from_fn_with_state(state.clone(), general);
    Router::new()
        .route("/api/ai/generate-flashcards", post(flashcards::generate).layer(limited))
        .route("/api/job-status/{jobId}", get(jobs::status))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
        .layer(map_response(legacy))
}
