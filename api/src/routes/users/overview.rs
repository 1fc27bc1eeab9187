//! `GET /api/admin/users/overview`

use axum::extract::State;
use serde::Serialize;
use shared::{
    timestamp::rfc3339,
    users::{SeenUser, UserCursor, UsersOverview},
};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        path::{Parameter, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::shown::{ShownCounts, ShownError};
use crate::{
    error::ApiError,
    extract::QueryPairs,
    openapi::{self, LegacyErrors, cases},
    patience,
    routes::monitoring::{Answer, Told, told},
    state::AppState,
};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    overview: Overview,
}

/// How many users there are, and some of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UsersOverview)]
struct Overview {
    /// Of whom something is known: the newest 100,000 of the last 60 days.
    known_users: u64,
    suspended_users: u64,
    /// Estimated to about one percent.
    unique_users_today: u64,
    /// Today included; estimated to about one percent.
    #[serde(rename = "uniqueUsersLast7Days")]
    unique_users_last_7_days: u64,
    today: ShownCounts,
    /// Those that were seen last first.
    users: Vec<Row>,
    /// Where to go on, where there may be more: `?cursor=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "1795517522861.learner-1")]
    next_cursor: Option<String>,
}

/// A user in the list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeenUser)]
struct Row {
    #[schema(example = "learner-1")]
    user_id: String,
    #[schema(format = DateTime)]
    first_seen: Option<String>,
    #[schema(format = DateTime)]
    last_seen: Option<String>,
    suspended: bool,
    counts: ShownCounts,
    /// Why a job failed last.
    last_error: Option<ShownError>,
}

/// Which users are wanted.
enum PageQuery {}

impl IntoParams for PageQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(LIMIT_MAX));
        let cursor = openapi::text().pattern(Some(r"^[0-9]{1,15}\."));
        vec![
            openapi::query("limit", "Most users in one answer", limit.default(Some(LIMIT.into()))),
            openapi::query("cursor", "Where to go on: `nextCursor` of an earlier page", cursor),
        ]
    }
}

/// See how many users there are, and some of them
///
/// Those that were seen last first.
#[utoipa::path(
    get,
    path = "/api/admin/users/overview",
    operation_id = "listUsers",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::Page)>,
    ),
)]
pub(crate) async fn overview(State(state): State<AppState>, query: QueryPairs) -> Result<Answer<Body>, ApiError> {
    let (after, most) = read(&query)?;
    let overview = patience::redis(state.users.overview(after.as_ref(), most)).await?;
    Ok(told(Body { overview: overview.into() }))
}

fn read(query: &QueryPairs) -> Result<(Option<UserCursor>, usize), ApiError> {
    let most = match query.as_given("limit") {
        None => LIMIT,
        Some(limit) => limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
            let detail = format!("`limit` must be a whole number from 1 to {LIMIT_MAX}");
            ApiError::bad_field("limit", "invalid_limit", detail)
        })?,
    };
    let after =
        query.as_given("cursor").map(str::parse).transpose().map_err(|_| {
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
