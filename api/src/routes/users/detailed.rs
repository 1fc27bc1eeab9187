//! `GET /api/admin/users/{userId}/detailed`

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use shared::{timestamp::rfc3339, users::SpentOnDay};
use utoipa::ToSchema;

use super::shown::{ShownCounts, ShownError, ShownSuspension};
use crate::{
    error::ApiError,
    extract::UserPath,
    openapi::{self, LegacyErrors, cases},
    patience,
    routes::monitoring::{Answer, RateLimit, Spend, Told, limits_of, told},
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    user: Shown,
}

/// What is known of a user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserDetail)]
struct Shown {
    #[schema(example = "learner-1")]
    user_id: String,
    #[schema(format = DateTime)]
    first_seen: Option<String>,
    #[schema(format = DateTime)]
    last_seen: Option<String>,
    suspended: bool,
    suspension: Option<ShownSuspension>,
    counts: ShownCounts,
    /// Why a job failed last.
    last_error: Option<ShownError>,
    /// Why a request was refused last.
    last_refusal: Option<ShownError>,
    /// Jobs in the user's list; some may no longer be kept.
    listed_jobs: u64,
    spent_today: Option<Day>,
    /// Today and seven days back, today first.
    days: Vec<Day>,
    /// Each under what it counts (`ai`). One that is turned off is not there.
    rate_limits: BTreeMap<&'static str, RateLimit>,
}

/// What was spent on a day, and what accepted jobs may yet come to (held).
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SpentOnDay)]
struct Day {
    /// Of UTC.
    #[schema(format = Date)]
    day: String,
    #[serde(flatten)]
    spend: Spend,
}

/// See what is known of a user
///
/// Of one that nobody has heard of everything is zero or `null`.
#[utoipa::path(
    get,
    path = "/api/admin/users/{userId}/detailed",
    operation_id = "getUser",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::UserInPath),
    responses(
        (status = 200, description = "What is known", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser)>,
    ),
)]
pub(crate) async fn detailed(
    State(state): State<AppState>,
    UserPath(user): UserPath,
) -> Result<Answer<Body>, ApiError> {
    let detail = patience::redis(state.users.detail(&user)).await?;
    let rate_limits = limits_of(&state, &user).await?;
    let days: Vec<Day> = detail.days.into_iter().map(Day::from).collect();
    let user = Shown {
        user_id: user,
        first_seen: detail.activity.first_ms.map(rfc3339),
        last_seen: detail.activity.last_ms.map(rfc3339),
        suspended: detail.suspension.is_some(),
        suspension: detail.suspension.map(ShownSuspension::from),
        counts: detail.activity.counts.into(),
        last_error: detail.activity.last_error.map(ShownError::from),
        last_refusal: detail.activity.last_refusal.map(ShownError::from),
        listed_jobs: detail.listed_jobs,
        spent_today: days.first().cloned(),
        days,
        rate_limits,
    };
    Ok(told(Body { user }))
}

impl From<SpentOnDay> for Day {
    fn from(spent: SpentOnDay) -> Self {
        Self { day: spent.day, spend: spent.spend.into() }
    }
}
