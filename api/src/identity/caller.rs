//! The one who asks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use shared::{
    api_keys::{ApiKey, Scope},
    job::{JobView, Priority},
    users::{UserNameError, check_claimed_user_name, check_user_name},
};

use crate::{error::ApiError, extract::ClientAddress, held_places::Holder, state::AppState};

/// The one who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Whoever the client says, under `AUTH=trust-client`.
    Claimed(Option<String>),
    /// The user that a signed token names.
    Known { user: String },
    /// A server with a key, and the user that it names.
    Server { key: ApiKey, named: Option<String> },
}

/// Tells what surrounds a handler whether a token or a key has proven the caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proven(Arc<AtomicBool>);

impl Proven {
    /// Whether the caller is proven.
    pub(crate) fn is_proven(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Caller {
    /// Whether the caller may see the job. Under `trust-client` and without a name, having the job's id is enough: ids can't
    /// be guessed, and scripts in the field poll that way.
    pub(crate) fn may_see(&self, job: &JobView) -> bool {
        match self {
            Self::Claimed(None) => true,
            Self::Claimed(Some(user)) | Self::Known { user } => *user == job.user,
            Self::Server { .. } => self.user().is_ok_and(|user| user == job.user),
        }
    }

    /// The user whom the caller speaks for.
    pub(crate) fn user(&self) -> Result<String, ApiError> {
        match self {
            Self::Claimed(named) => named.clone().ok_or_else(|| ApiError::missing("user-id")),
            Self::Known { user } => Ok(user.clone()),
            Self::Server { key, named: None } => Ok(key.user()),
            Self::Server { key, named: Some(named) } if *named == key.user() || key.scopes.contains(&Scope::ActAs) => {
                Ok(named.clone())
            }
            Self::Server { .. } => Err(ApiError::scope_missing(Scope::ActAs)),
        }
    }

    /// The user whom the caller asks for, where the body may name one as well: the header wins, because polls are judged by it.
    pub(crate) fn user_in_body(self, field: Option<String>) -> Result<String, ApiError> {
        match self {
            Self::Claimed(header) => header.or(field).ok_or_else(|| ApiError::missing("userId")),
            Self::Known { user } if field.as_ref().is_none_or(|field| *field == user) => Ok(user),
            Self::Known { .. } => Err(ApiError::user_mismatch("userId")),
            Self::Server { key, named } => Self::Server { key, named: named.or(field) }.user(),
        }
    }

    /// The user whom the caller names in `field` of a body.
    pub(crate) fn named_in(&self, field: &'static str, user: &str) -> Result<String, ApiError> {
        match self {
            Self::Server { key, .. } => named_by(key, field, user),
            Self::Claimed(_) | Self::Known { .. } => claimed_user(field, user),
        }
    }

    /// The address whose limits the caller has: a user who is proven has limits of its own, so that a class behind one address,
    /// and a server that asks for many, are served.
    pub(crate) fn limited_address(&self, address: ClientAddress) -> Option<ClientAddress> {
        self.is_believed().then_some(address)
    }

    /// Whose places the caller's open requests take. A server takes those of a user only where it may act for that user.
    pub(crate) fn holder(&self, address: ClientAddress) -> Holder {
        match self {
            Self::Claimed(_) => address.into(),
            Self::Known { user } => Holder::User(user.clone()),
            Self::Server { key, .. } => match self.user() {
                Ok(user) if user != key.user() => Holder::User(user),
                _ => Holder::Server(key.user()),
            },
        }
    }

    /// Whether the body must name a user.
    pub(crate) const fn is_believed(&self) -> bool {
        matches!(self, Self::Claimed(_))
    }

    /// How urgent the caller's jobs are where it does not say: a server's have nobody who waits before a screen.
    pub(crate) const fn priority(&self) -> Priority {
        match self {
            Self::Server { .. } => Priority::Normal,
            _ => Priority::Interactive,
        }
    }

    /// Refuses a server whose key was not made for this.
    pub(crate) fn needs(&self, scope: Scope) -> Result<(), ApiError> {
        match self {
            Self::Server { key, .. } if !key.scopes.contains(&scope) => Err(ApiError::scope_missing(scope)),
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = match parts.extensions.remove::<Self>() {
            Some(caller) => caller,
            None => state.identity.caller(&parts.headers).await?,
        };
        if !caller.is_believed() {
            if let Some(proven) = parts.extensions.get::<Proven>() {
                proven.0.store(true, Relaxed);
            }
            let address = ClientAddress::from_request_parts(parts, state).await.unwrap_or_else(|never| match never {});
            // For the body, which is read when the caller is known.
            parts.extensions.insert(caller.holder(address));
        }
        Ok(caller)
    }
}

/// The user whom `field` of an operator's request names.
pub(crate) fn checked_user(field: &'static str, user: &str) -> Result<String, ApiError> {
    check_user_name(user).map(|()| user.to_owned()).map_err(|error| refusal(field, error))
}

/// The user whom the caller names in `field`: not one of those whose names are given here.
pub(super) fn claimed_user(field: &'static str, user: &str) -> Result<String, ApiError> {
    check_claimed_user_name(user).map(|()| user.to_owned()).map_err(|error| refusal(field, error))
}

/// The user whom a server names in `field`: it may name itself.
pub(super) fn named_by(key: &ApiKey, field: &'static str, user: &str) -> Result<String, ApiError> {
    if user == key.user() { Ok(user.to_owned()) } else { claimed_user(field, user) }
}

fn refusal(field: &'static str, error: UserNameError) -> ApiError {
    let code = match error {
        UserNameError::Blank => return ApiError::missing(field),
        UserNameError::Padded | UserNameError::ControlCharacters => "invalid_characters",
        UserNameError::TooLong => "too_long",
        UserNameError::Reserved => "reserved_user",
    };
    ApiError::bad_field(field, code, format!("`{field}` {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_refused_says_why() {
        for (user, code) in [
            ("", "missing_field"),
            (" alice", "invalid_characters"),
            ("a\nb", "invalid_characters"),
            (&*"x".repeat(129), "too_long"),
            ("key:1", "reserved_user"),
        ] {
            assert_eq!(claimed_user("userId", user).unwrap_err().code(), code, "{user:?}");
        }
        assert_eq!(checked_user("userId", "key:1").unwrap(), "key:1");
    }
}
