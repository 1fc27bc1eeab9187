//! Users, as operators see and change them.

mod detailed;
mod erase;
mod overview;
mod reset_tracking;
mod shown;
mod statistics;
mod suspend;

pub(crate) use detailed::detailed;
pub(crate) use erase::erase;
pub(crate) use overview::overview;
pub(crate) use reset_tracking::reset_tracking;
pub(crate) use statistics::statistics;
pub(crate) use suspend::suspend;
