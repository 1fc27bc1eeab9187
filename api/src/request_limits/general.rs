//! The limit of requests from one address, whatever they are for.

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Standings, general_limit};
use crate::{error::ApiError, extract::ClientAddress, patience, state::AppState};

/// Counts the request for its address, or refuses it. While Redis is away, what may cost something is refused and all else
/// goes on: reading tells by itself that Redis is away.
pub(crate) async fn general(
    State(state): State<AppState>,
    address: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let Some(limit) = general_limit(&state.config.request_limits, address) else { return next.run(request).await };
    let costs = request.method() == Method::POST;
    let counted = patience::redis(state.request_limits.count(&[limit], None)).await;
    let standings: Result<Standings, ApiError> = match counted {
        Ok(counted) => Standings::of(counted),
        Err(_) if !costs => Ok(Standings::default()),
        Err(error) => Err(error),
    };
    match standings {
        Ok(standings) => standings.tell(next.run(request).await),
        Err(error) => error.into_response(),
    }
}
