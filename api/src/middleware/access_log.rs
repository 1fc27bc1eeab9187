//! One log line per request: never its body, its query or its raw path, which may hold what a learner wrote.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use shared::redis::millis;
use tokio::time::Instant;
use tracing::Instrument;

use super::RequestId;
use crate::{error::ApiError, state::AppState};

/// What stands in the line when no route matched.
const NO_ROUTE: &str = "none";

/// Runs the request in a span that carries its id, and logs and counts how it went.
pub(crate) async fn access_log(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.as_ref().map_or("", RequestId::as_str);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = id);
    let start = Instant::now();
    let response = next.run(request).instrument(span).await;
    let status = response.status();
    let code = response.extensions().get::<ApiError>().map(ApiError::code);
    let (route, took) = (route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str), start.elapsed());
    state.monitoring.http.answered(route, &method, status, code, took);
    // A macro's level is fixed where it stands, and 5xx must be found by level.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request.id = id,
                method = method.as_str(),
                route,
                status = status.as_u16(),
                latency_ms = millis(took),
                error.code = code,
                "Answered"
            )
        };
    }
    if status.is_server_error() {
        line!(warn);
    } else {
        line!(info);
    }
    response
}
