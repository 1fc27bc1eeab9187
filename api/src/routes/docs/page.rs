//! `GET /api/docs`: the document as a page, with Swagger UI from this binary.

use std::sync::Arc;

use axum::{
    extract::{Path, rejection::PathRejection},
    http::{
        HeaderName, HeaderValue,
        header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use crate::{
    error::ApiError,
    openapi::{Problems, cases::Internal},
};

const PAGE: &str = include_str!("page.html");
const START: &str = include_str!("start.js");
/// Nothing from elsewhere, and nothing that stands in the page itself. Swagger UI's own icons are `data:`.
const POLICY: (HeaderName, HeaderValue) = (
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
);

/// Read this document as a page
///
/// With everything that it needs: nothing is loaded from elsewhere.
#[utoipa::path(
    get,
    path = "/api/docs",
    operation_id = "getDocs",
    tag = "This document",
    security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), Problems<Internal>),
)]
pub(crate) async fn page() -> impl IntoResponse {
    ([POLICY, (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], PAGE)
}

/// The scripts and styles of the page.
pub(crate) async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::path_not_found())?;
    let script = HeaderValue::from_static("text/javascript; charset=utf-8");
    match name.as_str() {
        "start.js" => Ok(([POLICY, (CONTENT_TYPE, script)], START).into_response()),
        "swagger-ui-bundle.js" => Ok(shipped(&name, script)?.into_response()),
        "swagger-ui.css" => Ok(shipped(&name, HeaderValue::from_static("text/css; charset=utf-8"))?.into_response()),
        _ => Err(ApiError::path_not_found()),
    }
}

/// A file of Swagger UI. It is compressed in the binary, and sent so: every browser takes gzip.
fn shipped(name: &str, content_type: HeaderValue) -> Result<impl IntoResponse + use<>, ApiError> {
    let file = serve(name, Arc::new(Config::default())).ok().flatten();
    let SwaggerFile { bytes, .. } = file.ok_or_else(ApiError::path_not_found)?;
    let gzip = (CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(([POLICY, (CONTENT_TYPE, content_type), gzip], bytes.into_owned()))
}
