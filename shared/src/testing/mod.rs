//! Servers for tests, benches and `./dev`: a Redis of one's own, a network that fails and the upstream simulator.

mod clock_step;
mod proxy;
mod redis_cluster;
mod redis_server;
mod sentinels;
pub mod simulator;
mod tone;

pub use proxy::Proxy;
pub use redis_cluster::{RedisCluster, SlotMove};
pub use redis_server::{TestRedis, free_port};
pub use sentinels::TestSentinels;
pub use tone::tone;
