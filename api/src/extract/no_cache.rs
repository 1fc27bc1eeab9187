//! `Cache-Control: no-cache` on a request (RFC 9111, 5.2.1.4): no earlier answer will do.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header::CACHE_CONTROL, request::Parts},
};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use crate::{openapi, state::AppState};

/// Whether the client wants the work done anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCache(pub(crate) bool);

impl FromRequestParts<AppState> for NoCache {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        Ok(Self(values.into_iter().any(asks_anew)))
    }
}

impl IntoParams for NoCache {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "`no-cache` asks for work that is done anew, as `fresh` does";
        vec![openapi::header("Cache-Control", description, openapi::text().examples(["no-cache"]))]
    }
}

/// `no-store` asks for more than that.
fn asks_anew(value: &str) -> bool {
    let mut directives = value.split(',').map(str::trim);
    directives.any(|directive| ["no-cache", "no-store"].iter().any(|word| directive.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_cache_asks_anew() {
        for (value, anew) in [
            ("no-cache", true),
            ("max-age=0, No-Cache", true),
            ("no-store", true),
            ("max-age=0", false),
            ("no-cachet", false),
            ("", false),
        ] {
            assert_eq!(asks_anew(value), anew, "{value}");
        }
    }
}
