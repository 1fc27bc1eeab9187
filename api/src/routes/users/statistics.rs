//! `GET /api/admin/users/statistics`

use axum::{Json, extract::State};
use serde::Serialize;
use shared::users::{DayFigures, Users};

use super::shown::{Answer, ShownCounts, usd};
use crate::{error::ApiError, extract::QueryPairs, patience, state::AppState};

const DAYS: u32 = 7;

#[derive(Debug, Serialize)]
pub(crate) struct Body {
    statistics: Statistics,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    /// On all these days together.
    unique_users: u64,
    /// Today first.
    days: Vec<Figures>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    day: String,
    unique_users: u64,
    counts: ShownCounts,
    tokens: u64,
    usd: f64,
}

/// What all users did, day by day: `?days=`.
pub(crate) async fn statistics(
    State(state): State<AppState>,
    query: QueryPairs,
) -> Result<Json<Answer<Body>>, ApiError> {
    let days = match query.get("days") {
        None => DAYS,
        Some(days) => days.parse().ok().filter(|days| (1..=Users::DAYS_MAX).contains(days)).ok_or_else(|| {
            let detail = format!("`days` must be a whole number from 1 to {}", Users::DAYS_MAX);
            ApiError::bad_field("days", "invalid_days", detail)
        })?,
    };
    let statistics = patience::redis(state.users.statistics(days)).await?;
    let days = statistics.days.into_iter().map(Figures::from).collect();
    Ok(Json(Answer::of(Body { statistics: Statistics { unique_users: statistics.unique_users, days } })))
}

impl From<DayFigures> for Figures {
    fn from(figures: DayFigures) -> Self {
        let DayFigures { day, unique_users, counts, tokens, micros } = figures;
        Self { day, unique_users, counts: counts.into(), tokens, usd: usd(micros) }
    }
}
