//! What surrounds every request, in one layer: each layer of its own is cloned and boxed for every request.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use super::{access_log::AccessLog, answer_headers::answer_headers, request_id::RequestId};
use crate::state::AppState;

/// Names the request, runs it in a span that carries the name, logs and counts how it went, and adds the headers that every
/// answer has.
pub(crate) async fn edge(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let log = AccessLog::start(&request);
    let span = tracing::info_span!("request", request.id = id.as_str());
    let mut response = next.run(request).instrument(span).await;
    log.answered(id.as_str(), &state.monitoring.http, &response);
    let headers = response.headers_mut();
    answer_headers(headers, state.replica.clone());
    id.tell(headers);
    response
}
