//! What happens around every request.

mod access_log;
mod catch_panic;
mod request_id;

pub(crate) use access_log::access_log;
pub(crate) use catch_panic::catch_panic;
pub(crate) use request_id::{RequestId, request_id};
