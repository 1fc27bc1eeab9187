//! Who may see monitoring and administration.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::ApiError,
    extract::{ClientAddress, is_forwarded},
    state::AppState,
};

const TOKEN_HEADER: &str = "x-admin-token";

/// Lets a request pass that carries the admin token, or that only reads and comes from an allowed address.
pub(crate) async fn monitoring_guard(
    State(state): State<AppState>,
    address: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let admin = named_tokens(headers).any(|token| state.config.is_admin_token(token));
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // What a header says about the client counts where a trusted proxy said it, and else makes the request suspect: the
    // connection may be that of a proxy that nobody told us of.
    let sure = address.by_proxy || !is_forwarded(headers);
    if admin || (reads && sure && state.config.monitoring_allowed_ips.contains(address.ip)) {
        return next.run(request).await;
    }
    tracing::info!(client.address = %address.ip, "Monitoring was refused");
    ApiError::monitoring_denied(address.ip).into_response()
}

/// What the client gives as the admin token.
fn named_tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
    });
    let own = headers.get(TOKEN_HEADER).map(|value| value.as_bytes().trim_ascii());
    bearer.into_iter().chain(own)
}
