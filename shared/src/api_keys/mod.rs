//! Keys with which servers say who they are.
//!
//! A key is `ulk_<id>_<secret>`. Redis has the SHA-256 of the secret and never the secret, which has more bits than can be
//! tried, so that a plain hash is as good as a slow one.

mod create;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

pub use create::{CreateKeyError, CreatedKey};

use crate::redis::{Keys, RedisPool, UnavailableError};

/// What every key begins with, so that a leaked one can be searched for.
const MARK: &str = "ulk_";
/// What an id is made of, in bytes of hexadecimal text.
const ID_LENGTH: usize = 16;

/// What a key's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Ask for jobs, and cancel them.
    Submit,
    /// See jobs.
    Read,
    /// Do these for any user that the request names.
    ActAs,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Submit, Self::Read, Self::ActAs];

    /// The name in Redis and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::ActAs => "act-as",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A key as it is known: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names the key in lists and logs.
    pub id: String,
    /// What it is for, in its creator's words.
    pub name: String,
    /// What its holder may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was made, in ms since the Unix epoch.
    pub created_at_ms: u64,
}

impl ApiKey {
    /// The user that its holder is where it names none.
    #[must_use]
    pub fn user(&self) -> String {
        format!("key:{}", self.id)
    }
}

/// The keys of a deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    redis: RedisPool,
    keys: Keys,
}

/// What stands in a key's hash: digest, name, scopes, and when it was made.
type Stored = (Option<String>, Option<String>, Option<String>, Option<u64>);

impl ApiKeys {
    /// The keys below the prefix of `keys`.
    #[must_use]
    pub const fn new(redis: RedisPool, keys: Keys) -> Self {
        Self { redis, keys }
    }

    /// Whether this could be a key, and is nothing else.
    #[must_use]
    pub fn looks_like_one(presented: &str) -> bool {
        presented.starts_with(MARK)
    }

    /// The key with this text; `None` where there is none, or no longer.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn find(&self, presented: &str) -> Result<Option<ApiKey>, UnavailableError> {
        let Some((id, secret)) = presented.strip_prefix(MARK).and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        if id.len() != ID_LENGTH || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let stored = self.stored(&[id.to_owned()]).await?.into_iter().next();
        // Digests tell nothing about the secret to one who measures how long they take to compare.
        Ok(stored
            .and_then(|stored| (stored.0.as_ref() == Some(&digest(secret))).then_some(stored))
            .and_then(|stored| key(id, stored)))
    }

    /// Every key, oldest first.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn list(&self) -> Result<Vec<ApiKey>, UnavailableError> {
        let mut read = redis::pipe();
        read.zrange(self.keys.api_keys(), 0, -1);
        let (ids,): (Vec<String>,) = self.redis.query(&read).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let stored = self.stored(&ids).await?;
        Ok(ids.iter().zip(stored).filter_map(|(id, stored)| key(id, stored)).collect())
    }

    /// Ends a key at once. Whether there was one.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn revoke(&self, id: &str) -> Result<bool, UnavailableError> {
        let mut revoke = redis::pipe();
        revoke.atomic().del(self.keys.api_key(id)).zrem(self.keys.api_keys(), id);
        let (keys, _): (u64, u64) = self.redis.query(&revoke).await?;
        Ok(keys > 0)
    }

    async fn stored(&self, ids: &[String]) -> Result<Vec<Stored>, UnavailableError> {
        let mut read = redis::pipe();
        for id in ids {
            read.hmget(self.keys.api_key(id), &["digest", "name", "scopes", "created"]);
        }
        self.redis.query(&read).await
    }
}

fn key(id: &str, (_, name, scopes, created_at_ms): Stored) -> Option<ApiKey> {
    Some(ApiKey {
        id: id.to_owned(),
        name: name?,
        scopes: scopes?.split(',').filter_map(Scope::from_name).collect(),
        created_at_ms: created_at_ms?,
    })
}

fn digest(secret: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}
