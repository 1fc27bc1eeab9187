//! A body that says that it is JSON, or none at all.

use axum::{
    extract::{FromRequest, Request},
    http::header::CONTENT_TYPE,
};

use super::{JsonBody, read_body::read_body};
use crate::{error::ApiError, state::AppState};

/// The text of a JSON body; an empty object where there is no body.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody(pub(crate) String);

impl FromRequest<AppState> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let text = if request.headers().contains_key(CONTENT_TYPE) {
            JsonBody::from_request(request, state).await?.0
        } else if read_body(request, state.config.body_max()).await?.is_empty() {
            String::new()
        } else {
            return Err(ApiError::unsupported_media_type());
        };
        Ok(Self(if text.is_empty() { "{}".to_owned() } else { text }))
    }
}
