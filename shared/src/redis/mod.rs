//! Connections, keys and scripts: the only place that builds a connection or a script.

mod connect;
mod durability;
mod keys;
mod probe;
mod recovery;
mod script;
mod timings;
mod trouble;

pub use connect::{RedisPool, UnavailableError};
pub use durability::{DurabilityError, check_durability};
pub use keys::Keys;
#[cfg(feature = "testing")]
pub use script::take_time_from_hand_clock;
pub use script::{LuaScript, ScriptCall};

/// A duration as scripts take it: whole milliseconds.
#[must_use]
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
