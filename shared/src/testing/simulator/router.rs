//! Every path of the simulator.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;

use super::{api_error::ApiError, chat::chat, control, speech, state::Upstream};

/// Longest request, in bytes.
const LONGEST: usize = 16 << 20;

pub(super) fn router(upstream: Arc<Upstream>) -> Router {
    Router::new()
        .route(speech::PATH, post(speech::assess))
        .route("/_sim/health", get(control::health))
        .route("/_sim/faults", post(control::add_fault).delete(control::clear_faults))
        .route("/_sim/config", get(control::config).put(control::configure))
        .route("/_sim/arrivals", get(control::arrivals).delete(control::clear_arrivals))
        .route("/_sim/stats", get(control::stats))
        .route("/_sim/bill", get(control::bill))
        .route("/_sim/speech", get(control::speech).delete(control::clear_speech))
        .route("/_sim/hold", post(control::hold))
        .route("/_sim/release", post(control::release))
        .route("/_sim/wait", get(control::wait))
        .fallback(provider)
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(upstream)
}

/// The paths of the provider, below its base.
async fn provider(
    State(upstream): State<Arc<Upstream>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let profile = upstream.profile();
    let below = uri.path().strip_prefix(profile.base());
    match (below, profile.rules()) {
        (Some("/chat/completions"), _) if method == Method::POST => {
            chat(upstream, profile, &uri, &headers, &body).await
        }
        (Some(path), Some(rules)) if method == Method::GET && path.starts_with("/models/") => {
            let name = path.trim_start_matches("/models/").replace("%2F", "/");
            match rules.key(&headers, &uri).and_then(|_| rules.model(&name)) {
                Ok(model) => Json(model).into_response(),
                Err(error) => error.respond(Some(rules)),
            }
        }
        (Some(path), None) if method == Method::GET && path.starts_with("/models/") => {
            Json(json!({"id": path.trim_start_matches("/models/"), "object": "model"})).into_response()
        }
        (_, rules) => {
            let message = format!("Invalid URL ({method} {})", uri.path());
            ApiError::invalid(StatusCode::NOT_FOUND, message).respond(rules)
        }
    }
}
