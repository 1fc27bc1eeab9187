//! What happens around every request.

mod access_log;
mod answer_headers;
mod cors;
mod edge;
mod manner;
mod monitoring_guard;
mod request_id;
mod room;

pub(crate) use answer_headers::HEADERS;
pub(crate) use cors::cors;
pub(crate) use edge::edge;
pub(crate) use manner::{Dialect, Manner, Traffic, in_manner};
pub(crate) use monitoring_guard::monitoring_guard;
pub(crate) use room::Room;
