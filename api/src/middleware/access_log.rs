//! One log line per request: never its body, its query or its raw path, which may hold what a learner wrote.

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};
use shared::redis::millis;
use tokio::time::Instant;

use crate::{error::ApiError, http_metrics::HttpMetrics};

/// What stands in the line when no route matched.
const NO_ROUTE: &str = "none";

/// What is known of a request before it is answered.
#[derive(Debug)]
pub(super) struct AccessLog {
    route: Option<MatchedPath>,
    method: Method,
    start: Instant,
}

impl AccessLog {
    pub(super) fn start(request: &Request) -> Self {
        Self {
            route: request.extensions().get::<MatchedPath>().cloned(),
            method: request.method().clone(),
            start: Instant::now(),
        }
    }

    /// Logs and counts how the request with this id went.
    pub(super) fn answered(self, id: &str, metrics: &HttpMetrics, response: &Response) {
        let status = response.status();
        let error = response.extensions().get::<ApiError>();
        let code = error.map(ApiError::code);
        let (route, took) = (self.route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str), self.start.elapsed());
        metrics.answered(route, &self.method, status, error.and_then(ApiError::refusal), took);
        // A macro's level is fixed where it stands, and 5xx must be found by level.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = id,
                    method = self.method.as_str(),
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
    }
}
