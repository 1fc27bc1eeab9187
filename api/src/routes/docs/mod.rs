//! What the API says about itself.

mod document;
mod page;

pub(crate) use document::document;
pub(crate) use page::{file, page};

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(document::document, page::page))]
pub(crate) struct Document;
