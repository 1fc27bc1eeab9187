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

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    detailed::detailed,
    erase::erase,
    overview::overview,
    reset_tracking::reset_tracking,
    statistics::statistics,
    suspend::suspend,
))]
pub(crate) struct Document;
