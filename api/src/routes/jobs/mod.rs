//! Jobs, whatever their kind.

mod get;
mod resource;
mod status;
mod status_body;

pub(crate) use get::get;
pub(crate) use status::status;
