//! How a family of paths is answered, whatever the handler does.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::{
    error::{ApiError, legacy},
    state::AppState,
};

/// How errors are told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dialect {
    /// As problems (RFC 9457).
    Problem,
    /// As shipped apps and scripts in the field know them.
    Legacy,
}

/// What the requests are to the process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Traffic {
    /// Looks at the system and its pages: they count nowhere.
    Aside,
    /// What clients ask for: it counts in the figures of the fleet.
    Counted,
    /// Counts, and needs a place. A request that is held for its job has its place, too: it has a connection and memory.
    InRoom,
}

/// How a family of paths is answered.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    state: AppState,
    dialect: Dialect,
    traffic: Traffic,
}

impl Manner {
    pub(crate) fn new(state: &AppState, dialect: Dialect, traffic: Traffic) -> Self {
        Self { state: state.clone(), dialect, traffic }
    }
}

/// Lets the request in, turns a panic of its handler into the answer for a fault of ours, tells errors in the dialect, and
/// counts how long it took until the answer began.
pub(crate) async fn in_manner(State(manner): State<Manner>, request: Request, next: Next) -> Response {
    let Manner { state, dialect, traffic } = manner;
    let start = Instant::now();
    let place = if matches!(traffic, Traffic::InRoom) { state.room.enter() } else { Ok(None) };
    let response = match place {
        Ok(_place) => answer(request, next).await,
        Err(error) => error.into_response(),
    };
    let response = match dialect {
        Dialect::Problem => response,
        Dialect::Legacy => legacy(response),
    };
    if matches!(traffic, Traffic::Counted | Traffic::InRoom) {
        state.monitoring.traffic.request(start.elapsed(), response.status().is_server_error());
    }
    response
}

/// What is left half done by a panic is dropped with the request, and the process lives on.
async fn answer(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| ApiError::internal().into_response())
}
