//! The HTTP API: accepts jobs, answers for them, and holds requests until they end.
//!
//! Two dialects: `/api/v1` answers errors as RFC 9457 problems; the legacy paths keep the shapes that shipped apps know.

mod error;
mod extract;
mod held_places;
mod http_metrics;
mod identity;
mod middleware;
mod monitoring;
mod openapi;
mod patience;
mod request_limits;
mod router;
mod routes;
mod serve;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use router::router;
pub use serve::serve;
pub use settings::Settings;
pub use state::AppState;
