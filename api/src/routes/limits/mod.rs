//! Limits of requests.

mod get;

pub(crate) use get::get;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(get::get))]
pub(crate) struct Document;
