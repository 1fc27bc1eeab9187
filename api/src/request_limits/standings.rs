//! Where the limits of a request stand.

use std::sync::Arc;

use axum::response::Response;
use shared::request_limits::{Counted, Standing};

use super::headers;
use crate::error::ApiError;

/// Where the limits of a request stand. Without any, nothing is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standings {
    all: Arc<[Standing]>,
    now_ms: u64,
}

/// A limit that is used up, and all those that were looked at.
#[derive(Debug, Clone)]
pub(crate) struct UsedUp {
    pub(crate) standings: Standings,
    which: usize,
}

impl Standings {
    /// Those of a request that was counted, or the refusal of one that was not.
    pub(crate) fn of(counted: Counted) -> Result<Self, ApiError> {
        let over = counted.over;
        let standings = Self::as_they_are(counted);
        match over {
            Some(which) if which < standings.all.len() => Err(ApiError::used_up(UsedUp { standings, which })),
            _ => Ok(standings),
        }
    }

    pub(super) fn as_they_are(counted: Counted) -> Self {
        Self { all: counted.standings.into(), now_ms: counted.now_ms }
    }

    pub(crate) fn all(&self) -> &[Standing] {
        &self.all
    }

    /// Seconds until there may be one more request.
    pub(crate) fn seconds_left(&self, standing: &Standing) -> u64 {
        standing.reset_at_ms.saturating_sub(self.now_ms).div_ceil(1_000)
    }

    /// The one that will be used up first.
    pub(super) fn tightest(&self) -> Option<&Standing> {
        self.all.iter().min_by_key(|standing| (standing.remaining, std::cmp::Reverse(standing.reset_at_ms)))
    }

    /// Tells them in the headers of an answer.
    pub(crate) fn tell(&self, mut response: Response) -> Response {
        headers::write(self, response.headers_mut());
        response.extensions_mut().insert(IsCounted);
        response
    }
}

/// On the answer to a request that was counted, or refused by a limit.
#[derive(Debug, Clone, Copy)]
struct IsCounted;

/// Whether limits were told in this answer.
pub(super) fn is_counted(response: &Response) -> bool {
    response.extensions().get::<IsCounted>().is_some()
}

impl UsedUp {
    /// The limit that is used up.
    pub(crate) fn limit(&self) -> &Standing {
        &self.standings.all[self.which]
    }

    /// Seconds until there may be one more request.
    pub(crate) fn retry_after(&self) -> u32 {
        u32::try_from(self.standings.seconds_left(self.limit()).max(1)).unwrap_or(u32::MAX)
    }

    /// When this was, in ms since the Unix epoch.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.standings.now_ms
    }
}
