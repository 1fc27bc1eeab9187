//! What happens around every request.

mod access_log;
mod answer_headers;
mod catch_panic;
mod cors;
mod count_traffic;
mod monitoring_guard;
mod overload;
mod request_id;

pub(crate) use access_log::access_log;
pub(crate) use answer_headers::answer_headers;
pub(crate) use catch_panic::catch_panic;
pub(crate) use cors::cors;
pub(crate) use count_traffic::count_traffic;
pub(crate) use monitoring_guard::monitoring_guard;
pub(crate) use overload::{Room, overload};
pub(crate) use request_id::{RequestId, request_id};
