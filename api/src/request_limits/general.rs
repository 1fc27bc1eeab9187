//! The limit of requests from one address, whatever they are for.

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Standings, general_limit, standings::is_counted};
use crate::{
    error::{ApiError, Refusal},
    extract::ClientAddress,
    identity::Proven,
    patience,
    state::AppState,
};

/// Counts the request for its address, or refuses it. While Redis is away, what may cost something is refused and all else
/// goes on: reading tells by itself that Redis is away.
pub(crate) async fn general(
    State(state): State<AppState>,
    address: ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(limit) = general_limit(&state.config.request_limits, address) else { return next.run(request).await };
    // The limits of an address are not those of a user who is proven: others share it.
    match state.identity.caller(request.headers()).await {
        Ok(caller) if !caller.is_believed() => {
            request.extensions_mut().insert(caller);
            return next.run(request).await;
        }
        Err(error) if error.refusal() == Some(Refusal::Unavailable) => return error.into_response(),
        Ok(_) | Err(_) => {}
    }
    let costs = request.method() == Method::POST;
    let counted = patience::redis(state.request_limits.count(&[limit])).await;
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

/// The same for requests that their handler counts against all of their limits at once. A request that was refused before is
/// counted here, unless its caller is proven.
pub(crate) async fn general_unless_counted(
    State(state): State<AppState>,
    address: ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let proven = Proven::default();
    request.extensions_mut().insert(proven.clone());
    let response = next.run(request).await;
    if proven.is_proven() || is_counted(&response) || response.status().is_server_error() {
        return response;
    }
    let Some(limit) = general_limit(&state.config.request_limits, address) else { return response };
    match patience::redis(state.request_limits.count(&[limit])).await.map(Standings::of) {
        Ok(Ok(standings)) => standings.tell(response),
        Ok(Err(used_up)) => used_up.into_response(),
        // Nobody can count now, and the answer costs nothing.
        Err(ApiError { .. }) => response,
    }
}
