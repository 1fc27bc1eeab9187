//! `?state=&kind=&limit=&cursor=` of a list of jobs.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use shared::{job::JobState, queue::JobFilter};
use utoipa::{
    IntoParams,
    openapi::{
        path::{Parameter, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use crate::{error::ApiError, openapi, state::AppState};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;
const KIND_MAX_CHARS: usize = 100;

/// Which jobs are wanted.
#[derive(Debug)]
pub(crate) struct ListQuery(pub(crate) JobFilter);

impl FromRequestParts<AppState> for ListQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        // Form decoding replaces what it can't decode, so this does not fail.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        read(&pairs.map(|Query(pairs)| pairs).unwrap_or_default()).map(Self)
    }
}

impl IntoParams for ListQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let states = openapi::text().enum_values(Some(JobState::ALL.map(JobState::as_str)));
        let kind = openapi::text().min_length(Some(1)).max_length(Some(KIND_MAX_CHARS));
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(LIMIT_MAX));
        let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
        let cursor = openapi::text().pattern(Some(format!("^[0-9]{{1,15}}\\.{uuid}$")));
        vec![
            openapi::query("state", "Only jobs in this state", states),
            openapi::query("kind", "Only jobs of this kind", kind.examples(["generate-flashcards"])),
            openapi::query("limit", "Most jobs in one answer", limit.default(Some(LIMIT.into()))),
            openapi::query("cursor", "Where to go on: `nextCursor` of an earlier page", cursor),
        ]
    }
}

fn read(pairs: &[(String, String)]) -> Result<JobFilter, ApiError> {
    let mut filter = JobFilter { most: LIMIT, ..JobFilter::default() };
    let mut seen = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "state" => {
                let state = value.parse::<JobState>().map_err(|_| {
                    let detail = "`state` must be scheduled, waiting, active, completed, failed or cancelled";
                    ApiError::bad_field("state", "unknown_state", detail)
                })?;
                filter.state = Some(state);
            }
            "kind" if value.is_empty() || value.chars().count() > KIND_MAX_CHARS => {
                return Err(ApiError::bad_field("kind", "unknown_kind", "`kind` must be the name of a kind of job"));
            }
            "kind" => filter.kind = Some(value.clone()),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                filter.most = limit.ok_or_else(|| {
                    let detail = format!("`limit` must be a whole number from 1 to {LIMIT_MAX}");
                    ApiError::bad_field("limit", "invalid_limit", detail)
                })?;
            }
            "cursor" => {
                let cursor = value.parse().map_err(|_| {
                    ApiError::bad_field("cursor", "invalid_cursor", "`cursor` must be what an earlier page gave")
                })?;
                filter.after = Some(cursor);
            }
            _ => continue,
        }
        if seen.contains(&name) {
            return Err(ApiError::bad_field("query", "repeated_parameter", "A parameter of the query is there twice"));
        }
        seen.push(name);
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<JobFilter, String> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(&pairs).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn all_of_it_may_be_left_out() {
        let filter = parsed(&[("other", "x")]).unwrap();
        assert_eq!((filter.state, filter.kind, filter.after, filter.most), (None, None, None, LIMIT));
        let cursor = format!("1767225600000.{}", shared::job::JobId::new());
        let all = [("state", "failed"), ("kind", "generate-flashcards"), ("limit", "100"), ("cursor", &cursor)];
        let filter = parsed(&all).unwrap();
        assert_eq!((filter.state, filter.most), (Some(JobState::Failed), 100));
        assert_eq!(filter.after.map(|after| after.to_string()), Some(cursor));
        assert_eq!(filter.kind.as_deref(), Some("generate-flashcards"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(101);
        for (pairs, code) in [
            (&[("state", "done")][..], "unknown_state"),
            (&[("kind", "")], "unknown_kind"),
            (&[("kind", &long)], "unknown_kind"),
            (&[("limit", "0")], "invalid_limit"),
            (&[("limit", "101")], "invalid_limit"),
            (&[("limit", "+x")], "invalid_limit"),
            (&[("cursor", "7")], "invalid_cursor"),
            (&[("limit", "1"), ("limit", "2")], "repeated_parameter"),
        ] {
            assert_eq!(parsed(pairs).unwrap_err(), code, "{pairs:?}");
        }
    }
}
