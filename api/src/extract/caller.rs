//! Who asks. Under `AUTH=trust-client`, the only mode so far, that is what the client says.

use axum::{extract::FromRequestParts, http::request::Parts};
use shared::job::JobView;

use crate::{error::ApiError, state::AppState};

const HEADER: &str = "user-id";
const LONGEST: usize = 128;

/// The user that the `user-id` header names, if it is there.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Option<String>);

impl Caller {
    /// Whether the caller may see the job. Without the header, having the job's id is enough: ids can't be guessed, and
    /// scripts in the field poll that way.
    pub(crate) fn may_see(&self, job: &JobView) -> bool {
        self.0.as_ref().is_none_or(|user| *user == job.user)
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let Ok(user) = str::from_utf8(value.as_bytes()) else {
            return Err(ApiError::bad_field(HEADER, "invalid_utf8", "`user-id` is not valid UTF-8"));
        };
        if user.trim().is_empty() {
            return Ok(Self(None));
        }
        checked_user(HEADER, user).map(|user| Self(Some(user)))
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
