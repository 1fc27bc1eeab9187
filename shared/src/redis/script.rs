//! Lua scripts: one file each, sent by its hash.

use std::sync::OnceLock;

use redis::{Script, ScriptInvocation};

/// A Lua script as a `static` beside its wrapper: `static TAKE: LuaScript = LuaScript::new(include_str!("take.lua"))`.
///
/// A const constructor and not a macro, so that lints see the call.
#[derive(Debug)]
pub struct LuaScript {
    source: &'static str,
    script: OnceLock<Script>,
}

impl LuaScript {
    /// The script with this text.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, script: OnceLock::new() }
    }

    /// Begins a call.
    #[must_use]
    pub fn call(&self) -> ScriptInvocation<'_> {
        #[expect(clippy::disallowed_methods, reason = "the one place that builds a script")]
        self.script.get_or_init(|| Script::new(&self.text())).prepare_invoke()
    }

    #[cfg(not(feature = "testing"))]
    fn text(&self) -> std::borrow::Cow<'static, str> {
        self.source.into()
    }

    /// With Redis' clock, or that of the test.
    #[cfg(feature = "testing")]
    fn text(&self) -> std::borrow::Cow<'static, str> {
        if HAND_CLOCK.load(std::sync::atomic::Ordering::Relaxed) {
            self.source.replace("redis.call('TIME')", "redis.call('HMGET', KEYS[1] .. ':clock', 's', 'us')").into()
        } else {
            self.source.into()
        }
    }
}

#[cfg(feature = "testing")]
static HAND_CLOCK: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// From now on, the scripts of this process that were not run yet take the time from the hash `clock` (`s`, `us`) below
/// their root: for tests in which time passes as they say.
#[cfg(feature = "testing")]
pub fn take_time_from_hand_clock() {
    HAND_CLOCK.store(true, std::sync::atomic::Ordering::Relaxed);
}
