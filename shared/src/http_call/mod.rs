//! What the clients of upstreams have in common: one call is one request, it goes when its door opens, and of its answer no
//! more is read than we are willing to hold.

mod body;
mod door;
mod retry_after;

pub(crate) use body::read_up_to;
pub use door::Door;
pub(crate) use door::Doorway;
pub(crate) use retry_after::{google_duration, retry_after};
