//! Lua scripts: one file each, sent by its hash. `build.rs` puts each together with the fragments that it includes.

use std::sync::OnceLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind, ToRedisArgs, aio::ConnectionLike};

/// The script whose file below `src` has this name: `static TAKE: LuaScript = lua_script!("queue/take");`.
macro_rules! lua_script {
    ($name:literal) => {
        $crate::redis::LuaScript::new($name, include_str!(concat!(env!("OUT_DIR"), "/lua/", $name, ".lua")))
    };
}
pub(crate) use lua_script;

/// A Lua script as a `static` beside its wrapper.
#[derive(Debug)]
pub struct LuaScript {
    name: &'static str,
    source: &'static str,
    script: OnceLock<Script>,
}

impl LuaScript {
    /// The script with this text. Errors and metrics give its name.
    #[must_use]
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, script: OnceLock::new() }
    }

    /// Begins a call: its key comes next, then its arguments.
    #[must_use]
    pub fn call(&self) -> ScriptCall<'_> {
        #[expect(clippy::disallowed_methods, reason = "the one place that builds a script")]
        let script = self.script.get_or_init(|| Script::new(&self.text()));
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(script.get_hash());
        ScriptCall { name: self.name, script, command }
    }

    #[cfg(not(feature = "testing"))]
    fn text(&self) -> std::borrow::Cow<'static, str> {
        self.source.into()
    }

    /// With Redis' clock, or that of the test.
    #[cfg(feature = "testing")]
    fn text(&self) -> std::borrow::Cow<'static, str> {
        if time_is_by_hand() {
            self.source.replace("redis.call('TIME')", "redis.call('HMGET', KEYS[1] .. ':clock', 's', 'us')").into()
        } else {
            self.source.into()
        }
    }
}

/// A call of a script. Its arguments are written into the command as they come: the client's own `ScriptInvocation` keeps each of
/// them in a vector first, which a call for many jobs has hundreds of.
#[derive(Debug)]
pub struct ScriptCall<'a> {
    pub(super) name: &'static str,
    script: &'a Script,
    command: Cmd,
}

impl ScriptCall<'_> {
    /// The one key that every script has: the root of all keys.
    pub fn key(&mut self, key: impl ToRedisArgs) -> &mut Self {
        self.command.arg(1).arg(key);
        self
    }

    /// One more argument.
    pub fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Calls by hash, and once more after the text was sent, where the server does not know it yet.
    pub(super) async fn send<T: FromRedisValue>(&self, connection: &mut impl ConnectionLike) -> RedisResult<T> {
        match self.command.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.script.load_async(connection).await?;
                self.command.query_async(connection).await
            }
            answer => answer,
        }
    }
}

#[cfg(feature = "testing")]
static HAND_CLOCK: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Whether the scripts' time is that of the test.
#[cfg(feature = "testing")]
pub(super) fn time_is_by_hand() -> bool {
    HAND_CLOCK.load(std::sync::atomic::Ordering::Relaxed)
}

/// From now on, the scripts of this process that were not run yet take the time from the hash `clock` (`s`, `us`) below
/// their root: for tests in which time passes as they say.
#[cfg(feature = "testing")]
pub fn take_time_from_hand_clock() {
    HAND_CLOCK.store(true, std::sync::atomic::Ordering::Relaxed);
}
