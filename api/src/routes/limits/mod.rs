//! Limits of requests.

mod get;

pub(crate) use get::get;
