//! The `Prefer` header (RFC 7240): a wish, so what can't be read is passed over.

use std::{convert::Infallible, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use crate::{openapi, patience::LONGEST_HOLD, state::AppState};

/// The preferences that this API knows. Of a preference that is given twice the first counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    /// `wait=N`: how long the client would wait for the real answer, at most [`LONGEST_HOLD`].
    pub(crate) wait: Option<Duration>,
    /// `respond-async`: rather 202 than waiting.
    pub(crate) respond_async: bool,
}

impl Prefer {
    fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let mut prefer = Self::default();
        for preference in headers.flat_map(|header| header.split(',')) {
            let wish = preference.split(';').next().unwrap_or_default();
            let (name, value) = wish.split_once('=').unwrap_or((wish, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "wait" if prefer.wait.is_none() => prefer.wait = seconds(value.trim().trim_matches('"')),
                "respond-async" => prefer.respond_async = true,
                _ => {}
            }
        }
        prefer
    }
}

fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that don't fit are a very long wait, and that is cut like any other.
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(LONGEST_HOLD))
}

impl FromRequestParts<AppState> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let headers = parts.headers.get_all("prefer").iter();
        Ok(Self::parse(headers.filter_map(|value| value.to_str().ok())))
    }
}

impl IntoParams for Prefer {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "A wish (RFC 7240): `wait=SECONDS` holds the request for the cards, 55 s at most; `respond-async` \
            asks for the 202 at once. What can't be read is passed over";
        vec![openapi::header("Prefer", description, openapi::text().examples(["wait=55"]))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(headers: &[&str]) -> (Option<u64>, bool) {
        let prefer = Prefer::parse(headers.iter().copied());
        (prefer.wait.map(|wait| wait.as_secs()), prefer.respond_async)
    }

    #[test]
    fn reads_the_forms_of_rfc_7240() {
        assert_eq!(parse(&["wait=10"]), (Some(10), false));
        assert_eq!(parse(&["respond-async, wait=10"]), (Some(10), true));
        assert_eq!(parse(&["Respond-Async", "WAIT = \"10\"; foo=bar"]), (Some(10), true));
        assert_eq!(parse(&["handling=lenient, return=minimal"]), (None, false));
        assert_eq!(parse(&[]), (None, false));
    }

    #[test]
    fn the_first_counts_and_a_long_wait_is_cut() {
        assert_eq!(parse(&["wait=3, wait=9"]), (Some(3), false));
        assert_eq!(parse(&["wait=600"]), (Some(55), false));
        assert_eq!(parse(&["wait=99999999999999999999999"]), (Some(55), false));
    }

    #[test]
    fn passes_over_what_it_cannot_read() {
        for header in ["wait", "wait=", "wait=-1", "wait=1.5", "wait=soon", "waiting=5", ",;=", ""] {
            assert_eq!(parse(&[header]), (None, false), "{header}");
        }
    }
}
