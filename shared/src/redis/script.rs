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
        self.script.get_or_init(|| Script::new(self.source)).prepare_invoke()
    }
}
