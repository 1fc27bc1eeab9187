//! The public keys of an identity provider (RFC 7517): <https://www.rfc-editor.org/rfc/rfc7517>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use reqwest::{Client, Url, redirect};
use shared::config::ConfigError;
use tokio::{sync::Mutex as AsyncMutex, task::JoinSet, time::Instant};

use crate::error::ApiError;

/// Keys are looked at again after this long, so that one that was withdrawn is not believed for ever.
const FRESH: Duration = Duration::from_mins(10);
/// A key that is not known is looked for at most this often, whatever tokens name.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);
/// A provider has a handful of keys.
const MAX_BYTES: usize = 256 * 1024;

type Keys = HashMap<(String, &'static str), Arc<DecodingKey>>;

/// The keys as they were last shown. A key that is known is found without waiting, whatever other tokens name.
pub(super) struct Jwks {
    provider: Arc<Provider>,
    known: Arc<RwLock<Known>>,
    /// Held while the provider is asked.
    asking: Arc<AsyncMutex<()>>,
    /// What asks, so that it ends with this and not with the request that needed it.
    tasks: Mutex<JoinSet<()>>,
}

struct Provider {
    url: Url,
    client: Client,
}

#[derive(Default)]
struct Known {
    keys: Keys,
    asked: Option<Instant>,
    answered: Option<Instant>,
}

impl Jwks {
    pub(super) fn new(url: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(url).map_err(|error| ConfigError::new(format!("JWKS_URL: {error}")))?;
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| ConfigError::new(format!("JWKS_URL: {error}")))?;
        Ok(Self {
            provider: Arc::new(Provider { url, client }),
            known: Arc::default(),
            asking: Arc::default(),
            tasks: Mutex::default(),
        })
    }

    /// The key of that name for that algorithm. A token without a name is checked with the only key there is.
    pub(super) async fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Arc<DecodingKey>, ApiError> {
        let (found, is_fresh) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.find(kid, algorithm), known.answered.is_some_and(|at| at.elapsed() < FRESH))
        };
        if found.is_none() || !is_fresh {
            self.refresh();
        }
        if let Some(key) = found {
            return Ok(key);
        }
        // A request to the provider that another caller began answers this one as well.
        drop(self.asking.lock().await);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.find(kid, algorithm) {
            Some(key) => Ok(key),
            None if known.answered.is_none() => Err(ApiError::unavailable()),
            None => Err(ApiError::invalid_token("its key is not one of the identity provider's")),
        }
    }

    /// Begins to ask the provider, unless that was done a moment ago.
    fn refresh(&self) {
        let Ok(asking) = Arc::clone(&self.asking).try_lock_owned() else { return };
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.asked.is_some_and(|at| at.elapsed() < AT_MOST_EVERY) {
                return;
            }
            known.asked = Some(Instant::now());
        }
        let (provider, known) = (Arc::clone(&self.provider), Arc::clone(&self.known));
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            match provider.keys().await {
                Ok(keys) => {
                    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
                    known.keys = keys;
                    known.answered = Some(Instant::now());
                }
                Err(error) => {
                    tracing::warn!(error = &*error, "The identity provider does not show its keys (JWKS_URL)");
                }
            }
            drop(asking);
        });
    }
}

impl Provider {
    async fn keys(&self) -> Result<Keys, Box<dyn std::error::Error + Send + Sync>> {
        let mut response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err("the answer is too large".into());
            }
        }
        let set: serde_json::Value = serde_json::from_slice(&body)?;
        let listed = set.get("keys").and_then(serde_json::Value::as_array).ok_or("there is no list `keys`")?;
        // Keys of kinds that are not known here are passed over.
        let keys = listed.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok()).collect();
        Ok(usable(&JwkSet { keys }))
    }
}

impl Known {
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let name = name(algorithm);
        if let Some(kid) = kid {
            return self.keys.get(&(kid.to_owned(), name)).cloned();
        }
        let mut fitting = self.keys.iter().filter(|((_, of), _)| *of == name).map(|(_, key)| key);
        let only = fitting.next().cloned();
        only.filter(|_| fitting.next().is_none())
    }
}

/// Keys that sign, by their names and the algorithm that their kind stands for.
fn usable(set: &JwkSet) -> Keys {
    let signing = set
        .keys
        .iter()
        .filter(|key| key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature));
    signing
        .filter_map(|key| {
            let algorithm = match &key.algorithm {
                AlgorithmParameters::RSA(_) => Algorithm::RS256,
                AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
                _ => return None,
            };
            let named = key.common.key_algorithm.is_none_or(|of| of.to_string() == name(algorithm));
            let decoding = DecodingKey::from_jwk(key).ok().filter(|_| named)?;
            Some(((key.common.key_id.clone().unwrap_or_default(), name(algorithm)), Arc::new(decoding)))
        })
        .collect()
}

const fn name(algorithm: Algorithm) -> &'static str {
    if matches!(algorithm, Algorithm::ES256) { "ES256" } else { "RS256" }
}
