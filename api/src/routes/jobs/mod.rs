//! Jobs, whatever their kind.

mod cancel;
mod get;
mod list;
mod resource;
mod status;
mod status_body;

pub(crate) use cancel::cancel;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use resource::{Job, JobResource};
pub(crate) use status::status;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list::list, get::get, cancel::cancel, status::status))]
pub(crate) struct Document;
