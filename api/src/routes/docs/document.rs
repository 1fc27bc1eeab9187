//! `GET /api/openapi.json`

use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};

use crate::{
    openapi::{Problems, cases::Internal},
    state::AppState,
};

/// Read this document
///
/// OpenAPI 3.1, for this deployment.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getDocument",
    tag = "This document",
    security(()),
    responses((status = 200, description = "The document", body = Object), Problems<Internal>),
)]
pub(crate) async fn document(State(state): State<AppState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], state.document.get(&state.config))
}
