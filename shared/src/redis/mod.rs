//! Connections, keys and scripts: the only place that builds a connection or a script.

mod clock;
mod connect;
mod durability;
#[cfg(test)]
mod include;
mod keys;
mod node;
mod probe;
mod recovery;
mod script;
#[cfg(test)]
mod scripts;
mod sentinel;
mod timings;
mod trouble;

pub(crate) use clock::Asked;
pub use connect::{RedisPool, UnavailableError};
pub use durability::{DurabilityError, check_durability};
pub use keys::Keys;
pub(crate) use script::lua_script;
#[cfg(feature = "testing")]
pub use script::take_time_from_hand_clock;
pub use script::{LuaScript, ScriptCall};

/// A duration as scripts take it: whole milliseconds.
#[must_use]
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
