//! A body that says that it is JSON, as text.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};

use super::{paced_body::places_of, read_body::read_body};
use crate::{error::ApiError, state::AppState};

/// The text of a JSON body that is within the size limit. What it means is the route's business.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) String);

impl FromRequest<AppState> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &AppState) -> Result<Self, ApiError> {
        if !says_json(request.headers()) {
            return Err(ApiError::unsupported_media_type());
        }
        let places = places_of(&mut request, state);
        let bytes = read_body(request, state.config.body_max(), places).await?;
        let text = String::from_utf8(bytes);
        text.map(Self).map_err(|_| ApiError::bad_field("body", "invalid_utf8", "The body is not valid UTF-8"))
    }
}

/// `application/json`, or a type built on it such as `application/ld+json`.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn knows_json_by_its_type() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.api+json", true),
            ("text/json", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(says_json(&headers), expected, "{value}");
        }
        assert!(!says_json(&HeaderMap::new()));
    }
}
