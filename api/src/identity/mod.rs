//! Who a request is from, and what that lets it do.

mod caller;
mod jwks;
mod jwt;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use shared::{
    api_keys::ApiKeys,
    config::{AuthMode, ConfigError, IdentityConfig},
};

pub(crate) use caller::{Caller, Proven, checked_user};
use caller::{claimed_user, named_by};
use jwt::Jwt;

use crate::{error::ApiError, patience};

const USER_ID: &str = "user-id";
const API_KEY: &str = "x-api-key";

/// Tells who a request is from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    config: Arc<IdentityConfig>,
    jwt: Option<Arc<Jwt>>,
    keys: ApiKeys,
}

impl Identity {
    /// Prepares what tokens are checked with; nothing is asked of anybody yet.
    pub(crate) fn new(config: IdentityConfig, keys: ApiKeys) -> Result<Self, ConfigError> {
        let jwt = if config.allows(AuthMode::Jwt) { Some(Arc::new(Jwt::new(&config)?)) } else { None };
        Ok(Self { config: Arc::new(config), jwt, keys })
    }

    /// Who the request with these headers is from. What it carries decides how that is told: a key, a token, or nothing.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let bearer = bearer(headers)?;
        let key = match headers.get(API_KEY) {
            Some(value) => Some(value.to_str().map_err(|_| ApiError::invalid_api_key())?),
            None => bearer.filter(|token| ApiKeys::looks_like_one(token)),
        };
        // Who is not known hears that first, whatever else is wrong.
        if let Some(key) = key.filter(|_| self.config.allows(AuthMode::ApiKey)) {
            let found = patience::redis(self.keys.find(key)).await?;
            let key = found.ok_or_else(ApiError::invalid_api_key)?;
            let named = named(headers)?.map(|user| named_by(&key, USER_ID, user)).transpose()?;
            return Ok(Caller::Server { key, named });
        }
        if let (Some(jwt), Some(token)) = (&self.jwt, bearer) {
            let user = jwt.user(token).await?;
            return match named(headers)? {
                Some(claimed) if claimed != user => {
                    claimed_user(USER_ID, claimed)?;
                    Err(ApiError::user_mismatch(USER_ID))
                }
                _ => Ok(Caller::Known { user }),
            };
        }
        if self.config.allows(AuthMode::TrustClient) {
            return Ok(Caller::Claimed(named(headers)?.map(|user| claimed_user(USER_ID, user)).transpose()?));
        }
        Err(ApiError::unauthenticated())
    }
}

/// The token of `authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::invalid_token("there are two `authorization` headers"));
    }
    let Ok(text) = value.to_str() else { return Err(ApiError::invalid_token("`authorization` is not text")) };
    let Some((scheme, token)) = text.split_once(' ') else { return Ok(None) };
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

/// What the `user-id` header says, if it is there.
fn named(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(USER_ID) else { return Ok(None) };
    let user = str::from_utf8(value.as_bytes());
    user.map(Some).map_err(|_| ApiError::bad_field(USER_ID, "invalid_utf8", "`user-id` is not valid UTF-8"))
}
