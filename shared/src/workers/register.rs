//! A worker says that it lives.

use std::time::Duration;

use tokio::time::Instant;

use crate::redis::{Keys, LuaScript, RedisPool, ScriptCall, UnavailableError, lua_script, millis};

static REGISTER: LuaScript = lua_script!("workers/register_alone");

/// What a worker says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    /// Its queue.
    pub(crate) queue: String,
    /// The replica that it is, as it was configured.
    pub(crate) replica: String,
    /// When it began.
    pub(crate) since: Instant,
    /// Jobs that it can run at once.
    pub(crate) slots: usize,
    /// The model that it calls, where its calls are paid by tokens.
    pub(crate) model: Option<PaidModel>,
}

/// A model that is paid by tokens.
#[derive(Debug, Clone)]
pub(crate) struct PaidModel {
    /// Its name.
    pub(crate) name: String,
    /// Whether the worker knows what it costs.
    pub(crate) priced: bool,
}

/// What changes from one time to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Jobs that it runs.
    pub(crate) busy: u64,
    /// Processor time that it used lately, in percent of what it may use; `None`: it has only just begun.
    pub(crate) cpu: Option<u32>,
}

impl Card {
    /// Adds it to a call, as register.lua reads it.
    pub(crate) fn pass(&self, call: &mut ScriptCall<'_>, load: Load) {
        call.arg(&self.replica)
            .arg(env!("CARGO_PKG_VERSION"))
            .arg(millis(self.since.elapsed()))
            .arg(self.slots)
            .arg(load.busy)
            .arg(load.cpu.map(|percent| percent.to_string()).unwrap_or_default());
        match &self.model {
            Some(model) => call.arg(&model.name).arg(u8::from(model.priced)),
            None => call.arg("").arg(""),
        };
    }
}

/// Says that `worker` lives, for `ttl`; zero withdraws that.
pub(crate) async fn register(
    redis: &RedisPool,
    keys: &Keys,
    worker: &str,
    (card, load): (&Card, Load),
    ttl: Duration,
) -> Result<(), UnavailableError> {
    let mut call = REGISTER.call();
    call.key(keys.root()).arg(&card.queue).arg(worker).arg(millis(ttl));
    card.pass(&mut call, load);
    redis.run::<(String,)>(&call).await.map(|_| ())
}
