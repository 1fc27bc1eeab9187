//! The `{userId}` of a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::{error::ApiError, identity::checked_user, state::AppState};

/// A user's name that could be one.
#[derive(Debug)]
pub(crate) struct UserPath(pub(crate) String);

impl FromRequestParts<AppState> for UserPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // What can't be read, since it is not UTF-8, is nobody's name.
        let user = Path::<String>::from_request_parts(parts, state).await.map(|Path(user)| user).unwrap_or_default();
        checked_user("userId", &user).map(Self)
    }
}
