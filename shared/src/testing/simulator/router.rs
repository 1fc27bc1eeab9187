//! Every path of the simulator.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use http::{Method, StatusCode, Uri};

use super::{api_error::ApiError, chat::chat, control, speech, state::Upstream};

/// Longest request, in bytes.
const LONGEST: usize = 16 << 20;

pub(super) fn router(upstream: Arc<Upstream>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route(speech::PATH, post(speech::assess))
        .route("/_sim/health", get(control::health))
        .route("/_sim/faults", post(control::add_fault).delete(control::clear_faults))
        .route("/_sim/config", get(control::config).put(control::configure))
        .route("/_sim/arrivals", get(control::arrivals).delete(control::clear_arrivals))
        .route("/_sim/stats", get(control::stats))
        .route("/_sim/speech", get(control::speech).delete(control::clear_speech))
        .route("/_sim/hold", post(control::hold))
        .route("/_sim/release", post(control::release))
        .route("/_sim/wait", get(control::wait))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(upstream)
}

async fn unknown(method: Method, uri: Uri) -> ApiError {
    ApiError::invalid(StatusCode::NOT_FOUND, format!("Invalid URL ({method} {})", uri.path()))
}
