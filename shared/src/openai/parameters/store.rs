//! What was learned, for the whole fleet: in Redis for a day, by model and address.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use url::Url;

use super::Learned;
use crate::{
    limiter::Group,
    redis::{Keys, LuaScript, RedisPool, UnavailableError, lua_script},
};

static ADAPT: LuaScript = lua_script!("openai/parameters/adapt");

/// How long it is kept. Then the fleet asks the upstream anew, at the price of a refused call each.
const KEPT: Duration = Duration::from_hours(24);
/// A call uses what this process has read within this time, so that many calls at once cost one read.
const FRESH: Duration = Duration::from_millis(50);
/// Bytes of the address's digest.
const DIGEST_BYTES: usize = 12;

/// What the fleet has learned about one model at one address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ParameterStore {
    redis: RedisPool,
    keys: Keys,
    group: Group,
    /// Of the address, which may hold a secret.
    digest: Arc<str>,
    host: Arc<str>,
    last: Arc<Mutex<Option<(Instant, Learned)>>>,
}

impl ParameterStore {
    /// The store of the models of `group` at `base`.
    #[must_use]
    pub fn new(redis: RedisPool, keys: Keys, group: Group, base: &Url) -> Self {
        let digest = Sha256::digest(base.as_str().trim_end_matches('/'));
        let digest = BASE64_URL_SAFE_NO_PAD.encode(&digest[..DIGEST_BYTES]).into();
        let host = base.host_str().unwrap_or_default().into();
        Self { redis, keys, group, digest, host, last: Arc::default() }
    }

    pub(in crate::openai) fn host(&self) -> &str {
        &self.host
    }

    /// What is known. While Redis is away, what was known last.
    pub(in crate::openai) async fn learned(&self) -> Learned {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, learned)) = &last
            && at.elapsed() < FRESH
        {
            return learned.clone();
        }
        match self.read().await {
            Ok(learned) => learned,
            Err(_) => last.map(|(_, learned)| learned).unwrap_or_default(),
        }
    }

    /// What Redis knows now.
    pub(in crate::openai) async fn read(&self) -> Result<Learned, UnavailableError> {
        let mut read = redis::pipe();
        read.hgetall(self.keys.parameters(&self.group));
        let (fields,): (HashMap<String, String>,) = self.redis.query(&read).await?;
        Ok(self.remember(fields))
    }

    /// Writes a field unless the fleet has adapted since the call was `built`. Whether it did, and what
    /// is known now.
    pub(in crate::openai) async fn adapt(
        &self,
        built: &Learned,
        (field, value): (&str, &str),
        changes_calls: bool,
    ) -> Result<(bool, Learned), UnavailableError> {
        let mut call = ADAPT.call();
        call.key(self.keys.root())
            .arg(self.group.as_str())
            .arg(&*self.digest)
            .arg(built.revision())
            .arg(field)
            .arg(value)
            .arg(if changes_calls { "change" } else { "note" })
            .arg(&*self.host)
            .arg(KEPT.as_secs());
        let reply: Vec<String> = self.redis.run(&call).await?;
        let mut reply = reply.into_iter();
        let adapted = reply.next().is_some_and(|word| word == "adapted");
        let mut fields = HashMap::new();
        while let (Some(field), Some(value)) = (reply.next(), reply.next()) {
            fields.insert(field, value);
        }
        Ok((adapted, self.remember(fields)))
    }

    fn remember(&self, fields: HashMap<String, String>) -> Learned {
        let own = fields.into_iter().filter_map(|(field, value)| {
            let name = field.strip_prefix(&*self.digest)?.strip_prefix(':')?;
            Some((name.to_owned(), value))
        });
        let learned = Learned(own.collect());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), learned.clone()));
        learned
    }
}

/// What was learned about a model at one address, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LearnedParameters {
    /// Host of the address.
    pub host: String,
    /// Parameters that were changed, with what is sent now.
    pub parameters: BTreeMap<String, String>,
}

/// What was learned about the models of a group, by address.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn learned_parameters(
    redis: &RedisPool,
    keys: &Keys,
    group: &Group,
) -> Result<Vec<LearnedParameters>, UnavailableError> {
    let mut read = redis::pipe();
    read.hgetall(keys.parameters(group));
    let (fields,): (BTreeMap<String, String>,) = redis.query(&read).await?;
    let mut addresses: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (field, value) in fields {
        if let Some((digest, name)) = field.rsplit_once(':') {
            addresses.entry(digest.to_owned()).or_default().insert(name.to_owned(), value);
        }
    }
    let shown = addresses.into_values().map(|mut fields| LearnedParameters {
        host: fields.remove("host").unwrap_or_default(),
        parameters: Learned(fields).list(),
    });
    Ok(shown.filter(|shown| !shown.parameters.is_empty()).collect())
}

/// Forgets what was learned about the models of a group: the next call of each worker sends what the
/// settings say. Whether there was anything.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn forget_parameters(redis: &RedisPool, keys: &Keys, group: &Group) -> Result<bool, UnavailableError> {
    let mut delete = redis::pipe();
    delete.unlink(keys.parameters(group));
    let (deleted,): (u64,) = redis.query(&delete).await?;
    Ok(deleted > 0)
}
