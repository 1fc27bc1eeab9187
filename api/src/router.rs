//! Every path.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state, map_response},
    routing::{delete, get, post},
};

use tower_http::compression::CompressionLayer;

use crate::{
    error::{ApiError, legacy},
    middleware::{access_log, answer_headers, catch_panic, count_traffic, monitoring_guard, overload, request_id},
    request_limits::{general, general_unless_counted},
    routes::{dashboard, docs, events, flashcards, health, jobs, limits, monitoring as shown, pronunciation, users},
    state::AppState,
};

/// The whole API.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(v1(&state).merge(legacy_paths(&state)).layer(from_fn_with_state(state.clone(), count_traffic)))
        .merge(monitoring(&state))
        .merge(observed(&state))
        .merge(pages())
        .merge(documentation())
        .fallback(async || ApiError::path_not_found())
        // The outermost comes first. They are one layer, since each layer is cloned for a request together with all below it.
        .layer((
            from_fn_with_state(state.replica.clone(), answer_headers),
            from_fn(request_id),
            from_fn_with_state(state.clone(), access_log),
            state.cors.clone(),
            CompressionLayer::new(),
        ))
        .with_state(state)
}

/// Errors are problems.
fn v1(state: &AppState) -> Router<AppState> {
    let limited = || from_fn_with_state(state.clone(), general);
    Router::new()
        .route(
            "/api/v1/flashcards",
            post(flashcards::create).layer(from_fn_with_state(state.clone(), general_unless_counted)),
        )
        .route(
            "/api/v1/pronunciation",
            post(pronunciation::create).layer(from_fn_with_state(state.clone(), general_unless_counted)),
        )
        .route("/api/v1/jobs", get(jobs::list).layer(limited()))
        .route("/api/v1/limits", get(limits::get))
        // Looking at a job is not limited, so that it can be polled.
        .route("/api/v1/jobs/{id}", get(jobs::get).merge(delete(jobs::cancel).layer(limited())))
        .layer(from_fn_with_state(state.room.clone(), overload))
        // A process that has its hands full is alive: who ends it for that makes it worse for the others.
        .route("/api/health", get(health::live))
        .route("/api/ready", get(health::ready))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}

/// What shipped apps and scripts in the field call; errors are written as they know them.
fn legacy_paths(state: &AppState) -> Router<AppState> {
    let limited = from_fn_with_state(state.clone(), general_unless_counted);
    Router::new()
        .route("/api/ai/generate-flashcards", post(flashcards::generate).layer(limited.clone()))
        .route("/api/pronunciation-assess", post(pronunciation::assess).layer(limited))
        .route("/api/job-status/{jobId}", get(jobs::status))
        .layer(from_fn_with_state(state.room.clone(), overload))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
        .layer(map_response(legacy))
}

/// What people look at.
fn pages() -> Router<AppState> {
    Router::new()
        .route("/monitoring", get(dashboard::page))
        .route("/monitoring/page.css", get(dashboard::style))
        .route("/monitoring/page.js", get(dashboard::script))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}

/// What operators watch and change, and what apps may watch. Errors are written as their scripts know them.
fn monitoring(state: &AppState) -> Router<AppState> {
    let restricted = Router::new()
        .route("/api/admin/budget/kill-switch", post(shown::kill_switch))
        .route("/api/admin/budget/status", get(shown::budget_status))
        .route("/api/admin/users/overview", get(users::overview))
        .route("/api/admin/users/statistics", get(users::statistics))
        .route("/api/admin/users/{userId}/detailed", get(users::detailed))
        .route("/api/admin/users/{userId}/erase", post(users::erase))
        .route("/api/admin/users/{userId}/reset-rate-limits", post(shown::reset_rate_limits))
        .route("/api/admin/users/{userId}/reset-tracking", post(users::reset_tracking))
        .route("/api/admin/users/{userId}/suspend", post(users::suspend))
        .route("/api/circuit-breakers/reset/{name}", post(shown::reset_breaker))
        .route("/api/circuit-breakers/status", get(shown::circuit_breakers))
        .route("/api/health/detailed", get(shown::health_detailed))
        .route("/api/metrics", get(shown::metrics))
        .route("/api/metrics/alerts", get(shown::alerts))
        .route("/api/pronunciation/status", get(shown::pronunciation_status))
        .route("/api/queue/stats", get(shown::queue_stats))
        .route("/api/rate-limits/status", get(shown::rate_limits_status))
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

/// What programs of operators read. Errors are problems.
fn observed(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/api/v1/scaling", get(shown::scaling))
        .route("/metrics", get(shown::prometheus))
        .route_layer(from_fn_with_state(state.clone(), monitoring_guard))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}

/// What the API says about itself: open to everybody, and counted nowhere.
fn documentation() -> Router<AppState> {
    Router::new()
        .route("/api/openapi.json", get(docs::document))
        .route("/api/docs", get(docs::page))
        .route("/api/docs/{file}", get(docs::file))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(catch_panic())
}
