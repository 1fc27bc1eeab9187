//! What happens around every request.

mod access_log;
mod catch_panic;
mod count_traffic;
mod monitoring_guard;
mod request_id;

pub(crate) use access_log::access_log;
pub(crate) use catch_panic::catch_panic;
pub(crate) use count_traffic::count_traffic;
pub(crate) use monitoring_guard::monitoring_guard;
pub(crate) use request_id::{RequestId, request_id};
