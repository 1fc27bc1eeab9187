//! What every UniLingo binary shares: jobs, the Redis queue, upstream clients and configuration.
//!
//! See `ARCHITECTURE.md` at the top of the repository for the map.

pub mod api_keys;
pub mod audio;
pub mod azure;
pub mod breaker;
pub mod budget;
pub mod clock;
pub mod config;
pub mod dead_letter;
pub mod fleet;
pub mod http_call;
pub mod job;
pub mod lifecycle;
pub mod limiter;
pub mod listen;
pub mod metrics;
pub mod openai;
pub mod queue;
pub mod redis;
pub mod request_limits;
pub mod scaling;
pub mod startup;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timestamp;
pub mod tls;
pub mod tokens;
pub mod users;
pub mod workers;
