//! The one who asks.

use axum::{extract::FromRequestParts, http::request::Parts};
use shared::{
    api_keys::{ApiKey, Scope},
    job::{JobView, Priority},
};

use crate::{error::ApiError, state::AppState};

const LONGEST: usize = 128;

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
        state.identity.caller(&parts.headers).await
    }
}

/// A user's name that `field` gives, without the white space around it, which a header could not carry.
pub(crate) fn checked_user(field: &'static str, user: &str) -> Result<String, ApiError> {
    let user = user.trim();
    if user.is_empty() {
        return Err(ApiError::missing(field));
    }
    if user.chars().count() > LONGEST {
        return Err(ApiError::bad_field(field, "too_long", format!("`{field}` has more than {LONGEST} characters")));
    }
    if user.chars().any(char::is_control) {
        let detail = format!("`{field}` must not contain control characters");
        return Err(ApiError::bad_field(field, "invalid_characters", detail));
    }
    Ok(user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(user: &str) -> Result<String, String> {
        checked_user("userId", user).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn a_name_is_trimmed_and_may_be_of_any_script() {
        assert_eq!(code(" Zoë\n"), Ok("Zoë".to_owned()));
        assert_eq!(code(&"語".repeat(LONGEST)), Ok("語".repeat(LONGEST)));
    }

    #[test]
    fn a_name_that_would_spoil_keys_or_logs_is_refused() {
        for (user, expected) in [
            (" \t", "missing_field"),
            ("a\0b", "invalid_characters"),
            ("a\nb", "invalid_characters"),
            ("a\u{85}b", "invalid_characters"),
            (&"x".repeat(LONGEST + 1), "too_long"),
        ] {
            assert_eq!(code(user), Err(expected.to_owned()), "{user:?}");
        }
    }
}
