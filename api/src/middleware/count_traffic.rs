//! Counts what clients ask for, for the figures of the fleet.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;

use crate::state::AppState;

/// Asked for by platforms and load balancers, and not by clients.
const HEALTH: [&str; 2] = ["/api/health", "/api/ready"];

/// Counts the request, how long it took until its answer began, and whether that is a fault of ours.
pub(crate) async fn count_traffic(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let of_health = |path: &MatchedPath| HEALTH.contains(&path.as_str());
    if request.extensions().get::<MatchedPath>().is_some_and(of_health) {
        return next.run(request).await;
    }
    let start = Instant::now();
    let response = next.run(request).await;
    state.monitoring.traffic.request(start.elapsed(), response.status().is_server_error());
    response
}
