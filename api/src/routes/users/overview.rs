//! `GET /api/admin/users/overview`

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    timestamp::rfc3339,
    users::{SeenUser, UserCursor, UsersOverview},
};

use super::shown::{Answer, ShownCounts, ShownError};
use crate::{error::ApiError, extract::QueryPairs, patience, state::AppState};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    overview: Overview,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    /// Of whom something is known: the newest 100,000 of the last 60 days.
    known_users: u64,
    suspended_users: u64,
    unique_users_today: u64,
    #[serde(rename = "uniqueUsersLast7Days")]
    unique_users_last_7_days: u64,
    today: ShownCounts,
    users: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    user_id: String,
    first_seen: Option<String>,
    last_seen: Option<String>,
    suspended: bool,
    counts: ShownCounts,
    last_error: Option<ShownError>,
}

/// How many users there are, and some of them, those that were seen last first: `?limit=`, `?cursor=`.
pub(crate) async fn overview(State(state): State<AppState>, query: QueryPairs) -> Result<Json<Answer<Body>>, ApiError> {
    let (after, most) = read(&query)?;
    let overview = patience::redis(state.users.overview(after.as_ref(), most)).await?;
    Ok(Json(Answer::of(Body { overview: overview.into() })))
}

fn read(query: &QueryPairs) -> Result<(Option<UserCursor>, usize), ApiError> {
    let most = match query.get("limit") {
        None => LIMIT,
        Some(limit) => limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
            let detail = format!("`limit` must be a whole number from 1 to {LIMIT_MAX}");
            ApiError::bad_field("limit", "invalid_limit", detail)
        })?,
    };
    let after =
        query.get("cursor").map(str::parse).transpose().map_err(|_| {
            ApiError::bad_field("cursor", "invalid_cursor", "`cursor` must be what an earlier page gave")
        })?;
    Ok((after, most))
}

impl From<UsersOverview> for Overview {
    fn from(overview: UsersOverview) -> Self {
        Self {
            known_users: overview.known,
            suspended_users: overview.suspended,
            unique_users_today: overview.today.unique_users,
            unique_users_last_7_days: overview.unique_in_week,
            today: overview.today.counts.into(),
            users: overview.users.into_iter().map(Row::from).collect(),
            next_cursor: overview.next.map(|next| next.to_string()),
        }
    }
}

impl From<SeenUser> for Row {
    fn from(seen: SeenUser) -> Self {
        Self {
            user_id: seen.user,
            first_seen: seen.activity.first_ms.map(rfc3339),
            last_seen: seen.activity.last_ms.map(rfc3339),
            suspended: seen.suspension.is_some(),
            counts: seen.activity.counts.into(),
            last_error: seen.activity.last_error.map(ShownError::from),
        }
    }
}
