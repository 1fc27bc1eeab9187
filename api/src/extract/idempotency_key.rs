//! The `Idempotency-Key` header: the client's name for one request, however often it is sent.
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use crate::{error::ApiError, openapi, state::AppState};

const HEADER: &str = "idempotency-key";
const LONGEST: usize = 255;

/// The key, if there is one. It may stand in quotes, as the draft wants it, or without, as many clients send it.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequestParts<AppState> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = value.to_str().ok().and_then(bare).filter(|_| values.next().is_none());
        key.map(|key| Self(Some(key.to_owned()))).ok_or_else(|| {
            let detail = format!("`Idempotency-Key` must be given once, with 1 to {LONGEST} visible ASCII characters");
            ApiError::bad_field("Idempotency-Key", "invalid_idempotency_key", detail)
        })
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "Names this request of the user for 24 hours: sent again with the same body, it is answered with \
            the same job. 1 to 255 visible ASCII characters, such as a UUID, with or without quotes";
        let pattern = format!(r#"^([!#-~]{{1,{LONGEST}}}|"[!#-~]{{1,{LONGEST}}}")$"#);
        let schema = openapi::text().pattern(Some(pattern));
        vec![openapi::header("Idempotency-Key", description, schema)]
    }
}

fn bare(value: &str) -> Option<&str> {
    let value = value.trim();
    let key = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    (visible && (1..=LONGEST).contains(&key.len())).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        assert_eq!(bare(" \"8e03978e-40d5\" "), Some("8e03978e-40d5"));
        assert_eq!(bare("8e03978e-40d5"), Some("8e03978e-40d5"));
        assert_eq!(bare(&"k".repeat(LONGEST)), Some("k".repeat(LONGEST).as_str()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for value in ["", "\"\"", "a b", "a\tb", "\"a", "a\"b", &"k".repeat(LONGEST + 1)] {
            assert_eq!(bare(value), None, "{value:?}");
        }
    }
}
