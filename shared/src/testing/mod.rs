//! Servers for tests, benches and `./dev`: a Redis of one's own and the upstream simulator.

mod redis_server;
pub mod simulator;

pub use redis_server::{TestRedis, free_port};
