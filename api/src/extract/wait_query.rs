//! `?wait=SECONDS`.

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use utoipa::{
    IntoParams,
    openapi::{
        path::{Parameter, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use crate::{error::ApiError, openapi, patience::LONGEST_WAIT, state::AppState};

const FIELD: &str = "wait";

/// How long the request may be held, if the query says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WaitQuery(pub(crate) Option<Duration>);

impl FromRequestParts<AppState> for WaitQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        // Form decoding replaces what it can't decode, so this does not happen; and if so, there is no `wait` to read.
        pairs.map_or(Ok(Self(None)), |Query(pairs)| read(&pairs))
    }
}

impl IntoParams for WaitQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let longest = u32::try_from(LONGEST_WAIT.as_secs()).unwrap_or(u32::MAX);
        let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(longest));
        let description = "Holds the request until the job has ended, for at most this many seconds and never longer \
            than 55; then returns the job as it is";
        vec![openapi::query(FIELD, description, schema)]
    }
}

fn read(pairs: &[(String, String)]) -> Result<WaitQuery, ApiError> {
    let mut values = pairs.iter().filter(|(name, _)| name == FIELD).map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(WaitQuery(None)) };
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = value.parse().ok().filter(|seconds| digits && *seconds <= LONGEST_WAIT.as_secs());
    if let (Some(seconds), None) = (seconds, values.next()) {
        return Ok(WaitQuery(Some(Duration::from_secs(seconds))));
    }
    let detail = format!("`wait` must be one whole number of seconds from 0 to {}", LONGEST_WAIT.as_secs());
    Err(ApiError::bad_field(FIELD, "invalid_wait", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&str, &str)]) -> Result<Option<u64>, String> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(&pairs).map(|wait| wait.0.map(|wait| wait.as_secs())).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn takes_seconds_up_to_a_minute() {
        assert_eq!(wait(&[]), Ok(None));
        assert_eq!(wait(&[("other", "x")]), Ok(None));
        assert_eq!(wait(&[("wait", "0")]), Ok(Some(0)));
        assert_eq!(wait(&[("other", "1"), ("wait", "60")]), Ok(Some(60)));
    }

    #[test]
    fn refuses_everything_else() {
        for value in ["", "61", "-1", "+1", "1.5", "1s", " 1", "99999999999999999999"] {
            assert_eq!(wait(&[("wait", value)]), Err("invalid_wait".to_owned()), "{value}");
        }
        assert_eq!(wait(&[("wait", "1"), ("wait", "2")]), Err("invalid_wait".to_owned()));
    }
}
