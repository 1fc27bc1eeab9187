//! Every path.

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{delete, get, post},
};
use tower::util::option_layer;
use tower_http::compression::CompressionLayer;

use crate::{
    error::ApiError,
    middleware::{
        Dialect::{self, Legacy, Problem},
        Manner,
        Traffic::{self, Aside, Counted, InRoom},
        edge, in_manner, monitoring_guard,
    },
    request_limits::{general, general_unless_counted},
    routes::{dashboard, docs, events, flashcards, health, jobs, limits, monitoring as shown, pronunciation, users},
    state::AppState,
};

/// The whole API.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(v1(&state))
        .merge(health(&state))
        .merge(legacy_paths(&state))
        .merge(monitoring(&state))
        .merge(observed(&state))
        .merge(pages(&state))
        .merge(documentation(&state))
        .fallback(async || ApiError::path_not_found())
        // The outermost comes first. They are one layer, since each layer is cloned for a request together with all below it.
        .layer((from_fn_with_state(state.clone(), edge), option_layer(state.cors.clone()), CompressionLayer::new()))
        .with_state(state)
}

/// Errors are problems.
fn v1(state: &AppState) -> Router<AppState> {
    let limited = || from_fn_with_state(state.clone(), general);
    let paths = Router::new()
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
        .route("/api/v1/jobs/{id}", get(jobs::get).merge(delete(jobs::cancel).layer(limited())));
    answered(paths, state, Problem, InRoom)
}

/// Asked for by platforms and load balancers, and not by clients. A process that has its hands full is alive: who ends it for that
/// makes it worse for the others.
fn health(state: &AppState) -> Router<AppState> {
    let paths = Router::new().route("/api/health", get(health::live)).route("/api/ready", get(health::ready));
    answered(paths, state, Problem, Aside)
}

/// What shipped apps and scripts in the field call; errors are written as they know them.
fn legacy_paths(state: &AppState) -> Router<AppState> {
    let limited = from_fn_with_state(state.clone(), general_unless_counted);
    let paths = Router::new()
        .route("/api/ai/generate-flashcards", post(flashcards::generate).layer(limited.clone()))
        .route("/api/pronunciation-assess", post(pronunciation::assess).layer(limited))
        .route("/api/job-status/{jobId}", get(jobs::status));
    answered(paths, state, Legacy, InRoom)
}

/// What people look at.
fn pages(state: &AppState) -> Router<AppState> {
    let paths = Router::new()
        .route("/monitoring", get(dashboard::page))
        .route("/monitoring/page.css", get(dashboard::style))
        .route("/monitoring/page.js", get(dashboard::script));
    answered(paths, state, Problem, Aside)
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
    let open =
        Router::new().route("/api/ai/status", get(shown::ai_status)).route("/api/job-events", get(events::job_events));
    answered(restricted, state, Legacy, Aside).merge(answered(open, state, Legacy, Counted))
}

/// What programs of operators read. Errors are problems.
fn observed(state: &AppState) -> Router<AppState> {
    let paths = Router::new()
        .route("/api/v1/scaling", get(shown::scaling))
        .route("/metrics", get(shown::prometheus))
        .route_layer(from_fn_with_state(state.clone(), monitoring_guard));
    answered(paths, state, Problem, Aside)
}

/// What the API says about itself: open to everybody, and counted nowhere.
fn documentation(state: &AppState) -> Router<AppState> {
    let paths = Router::new()
        .route("/api/openapi.json", get(docs::document))
        .route("/api/docs", get(docs::page))
        .route("/api/docs/{file}", get(docs::file));
    answered(paths, state, Problem, Aside)
}

fn answered(paths: Router<AppState>, state: &AppState, dialect: Dialect, traffic: Traffic) -> Router<AppState> {
    paths
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn_with_state(Manner::new(state, dialect, traffic), in_manner))
}
