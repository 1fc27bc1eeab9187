//! Making a key.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{ApiKey, ApiKeys, ID_LENGTH, MARK, Scope, digest};
use crate::{clock::unix_ms, redis::UnavailableError};

/// So many keys are enough for every server there is; more are a mistake in someone's script.
const MOST: u64 = 1_000;
const NAME_MAX_CHARS: usize = 100;

/// A key, and the only time that its text is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// What its holder sends.
    pub text: String,
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The name is empty, too long, or has control characters.
    #[error("a key's name has 1 to {NAME_MAX_CHARS} characters, none of them a control character")]
    Name,
    /// There are as many as there may be.
    #[error("there are {MOST} keys already: revoke those that nobody uses")]
    TooMany,
    /// Redis did not answer. The key may be there; nobody knows its text.
    #[error(transparent)]
    Unavailable(#[from] UnavailableError),
}

impl ApiKeys {
    /// Makes a key. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    ///
    /// When the name is none, there are too many keys, or Redis does not answer.
    pub async fn create(&self, name: &str, scopes: BTreeSet<Scope>) -> Result<CreatedKey, CreateKeyError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
            return Err(CreateKeyError::Name);
        }
        let mut count = redis::pipe();
        count.zcard(self.keys.api_keys());
        let (keys,): (u64,) = self.redis.query(&count).await?;
        if keys >= MOST {
            return Err(CreateKeyError::TooMany);
        }
        let mut id = Uuid::new_v4().simple().to_string();
        id.truncate(ID_LENGTH);
        // Two of them have 244 bits that nobody can guess.
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let created_at_ms = unix_ms();
        let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let mut store = redis::pipe();
        store
            .atomic()
            .hset_multiple(
                self.keys.api_key(&id),
                &[
                    ("digest", digest(&secret)),
                    ("name", name.to_owned()),
                    ("scopes", names.join(",")),
                    ("created", created_at_ms.to_string()),
                ],
            )
            .ignore()
            .zadd(self.keys.api_keys(), &id, created_at_ms)
            .ignore();
        self.redis.query::<()>(&store).await?;
        let text = format!("{MARK}{id}_{secret}");
        Ok(CreatedKey { key: ApiKey { id, name: name.to_owned(), scopes, created_at_ms }, text })
    }
}
