//! The job that a path names.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use shared::job::JobId;

use crate::state::AppState;

/// The id in the path. A text that can't be an id names no job: that is the same answer as for an unknown one.
#[derive(Debug)]
pub(crate) struct JobPath(pub(crate) Option<JobId>);

impl FromRequestParts<AppState> for JobPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let segment = Path::<String>::from_request_parts(parts, state).await.ok();
        Ok(Self(segment.and_then(|Path(text)| text.parse().ok())))
    }
}
