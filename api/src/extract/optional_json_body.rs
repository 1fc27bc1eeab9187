//! A body that says that it is JSON, or none at all.

use axum::{
    extract::{FromRequest, Request},
    http::header::CONTENT_TYPE,
};

use super::{JsonBody, paced_body::places_of, read_body::read_body};
use crate::{error::ApiError, state::AppState};

/// The text of a JSON body; an empty object where there is no body.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody(pub(crate) String);

impl FromRequest<AppState> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &AppState) -> Result<Self, ApiError> {
        let text = if request.headers().contains_key(CONTENT_TYPE) {
            JsonBody::from_request(request, state).await?.0
        } else {
            let places = places_of(&mut request, state);
            if !read_body(request, state.config.body_max(), places).await?.is_empty() {
                return Err(ApiError::unsupported_media_type());
            }
            String::new()
        };
        Ok(Self(if text.is_empty() { "{}".to_owned() } else { text }))
    }
}
