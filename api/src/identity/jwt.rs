//! Signed tokens (RFC 7519): <https://www.rfc-editor.org/rfc/rfc7519>
//!
//! The algorithm that a token names only chooses among keys that were made for it: a shared secret checks HS256 and
//! nothing else, a public key what its kind says. So a public key is never taken for a secret (RFC 8725, section 2.1), and
//! `none` has no key at all.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use shared::{
    config::{ConfigError, IdentityConfig},
    users::check_claimed_user_name,
};

use super::jwks::Jwks;
use crate::error::ApiError;

/// How far the clocks of an identity provider and of this machine may be apart, in seconds.
const LEEWAY_SECONDS: u64 = 30;
/// No token of an identity provider comes near.
const TOKEN_MAX_BYTES: usize = 8 * 1024;

/// Checks tokens.
pub(super) struct Jwt {
    secret: Option<DecodingKey>,
    jwks: Option<Jwks>,
    hs256: Validation,
    rs256: Validation,
    es256: Validation,
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Jwt {
    pub(super) fn new(config: &IdentityConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            secret: config.jwt_secret.as_ref().map(|secret| decoding_key(secret.as_bytes())).transpose()?,
            jwks: config.jwks_url.as_deref().map(Jwks::new).transpose()?,
            hs256: rules(config, Algorithm::HS256),
            rs256: rules(config, Algorithm::RS256),
            es256: rules(config, Algorithm::ES256),
        })
    }

    /// The user that a valid token names.
    pub(super) async fn user(&self, token: &str) -> Result<String, ApiError> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(ApiError::invalid_token("it is too long"));
        }
        let header = decode_header(token).map_err(|_| ApiError::invalid_token("it can't be read"))?;
        let claims = match (header.alg, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => claims(token, secret, &self.hs256)?,
            (Algorithm::RS256, _, Some(jwks)) => {
                let key = jwks.key(header.kid.as_deref(), Algorithm::RS256).await?;
                claims(token, &key, &self.rs256)?
            }
            (Algorithm::ES256, _, Some(jwks)) => {
                let key = jwks.key(header.kid.as_deref(), Algorithm::ES256).await?;
                claims(token, &key, &self.es256)?
            }
            _ => return Err(ApiError::invalid_token("its algorithm is not accepted here")),
        };
        match check_claimed_user_name(&claims.sub) {
            Ok(()) => Ok(claims.sub),
            Err(_) => Err(ApiError::invalid_token("its `sub` can't be a user's name")),
        }
    }
}

fn decoding_key(secret: &[u8]) -> Result<DecodingKey, ConfigError> {
    DecodingKey::from_secret(secret).map_err(|error| ConfigError::new(format!("JWT_SECRET: {error}")))
}

/// What a token that is signed with `algorithm` must say.
fn rules(config: &IdentityConfig, algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.leeway = LEEWAY_SECONDS;
    rules.validate_nbf = true;
    rules.set_required_spec_claims(&["exp", "sub"]);
    match &config.jwt_audience {
        Some(audience) => {
            rules.set_audience(&[audience]);
            rules.required_spec_claims.insert("aud".to_owned());
        }
        None => rules.validate_aud = false,
    }
    if let Some(issuer) = &config.jwt_issuer {
        rules.set_issuer(&[issuer]);
        rules.required_spec_claims.insert("iss".to_owned());
    }
    rules
}

fn claims(token: &str, key: &DecodingKey, rules: &Validation) -> Result<Claims, ApiError> {
    decode(token, key, rules).map(|token| token.claims).map_err(|error| ApiError::invalid_token(why(error.kind())))
}

/// What is wrong, as far as it helps the token's owner and nobody who makes one up.
fn why(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidAudience => "it was made for another audience",
        ErrorKind::InvalidIssuer => "it was made by another issuer",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of `exp`, `sub`, `aud` and `iss`",
        _ => "it was not signed by the identity provider",
    }
}
