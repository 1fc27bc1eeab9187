//! `GET /api/admin/users/{userId}/detailed`

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use shared::{timestamp::rfc3339, users::SpentOnDay};

use super::shown::{Answer, ShownCounts, ShownError, ShownSpend, ShownSuspension};
use crate::{error::ApiError, extract::UserPath, patience, routes::monitoring::limits_of, state::AppState};

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    user: Shown,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    user_id: String,
    first_seen: Option<String>,
    last_seen: Option<String>,
    suspended: bool,
    suspension: Option<ShownSuspension>,
    counts: ShownCounts,
    last_error: Option<ShownError>,
    last_refusal: Option<ShownError>,
    listed_jobs: u64,
    spent_today: Option<Day>,
    days: Vec<Day>,
    rate_limits: Value,
}

#[derive(Debug, Clone, Serialize)]
struct Day {
    day: String,
    #[serde(flatten)]
    spend: ShownSpend,
}

/// What is known of a user: of one that nobody has heard of, nothing.
pub(crate) async fn detailed(
    State(state): State<AppState>,
    UserPath(user): UserPath,
) -> Result<Json<Answer<Body>>, ApiError> {
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
    Ok(Json(Answer::of(Body { user })))
}

impl From<SpentOnDay> for Day {
    fn from(spent: SpentOnDay) -> Self {
        Self { day: spent.day, spend: spent.spend.into() }
    }
}
