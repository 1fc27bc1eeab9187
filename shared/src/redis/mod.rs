//! Connections, keys and scripts: the only place that builds a connection or a script.

mod connect;
mod keys;
mod script;

pub use connect::{RedisPool, UnavailableError};
pub use keys::Keys;
pub use script::LuaScript;
