//! The query as pairs, which can't be refused.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};

use crate::state::AppState;

/// What the query says. Of a name that is given twice the first value counts.
#[derive(Debug, Default)]
pub(crate) struct QueryPairs(Vec<(String, String)>);

impl QueryPairs {
    /// The value under `name`, unless it is blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.as_given(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value under `name`, blank or not.
    pub(crate) fn as_given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// All pairs of a query. Form decoding replaces what it can't decode, so there is always something to read.
pub(super) fn pairs_of(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs)
}

impl FromRequestParts<AppState> for QueryPairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(Self(pairs_of(&parts.uri)))
    }
}
