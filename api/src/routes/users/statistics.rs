//! `GET /api/admin/users/statistics`

use axum::extract::State;
use serde::Serialize;
use shared::users::{DayFigures, Users};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        path::{Parameter, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::shown::ShownCounts;
use crate::{
    error::ApiError,
    extract::QueryPairs,
    openapi::{self, LegacyErrors, cases},
    patience,
    routes::monitoring::{Answer, Told, told, usd},
    state::AppState,
};

const DAYS: u32 = 7;

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    statistics: Statistics,
}

/// What all users did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserStatistics)]
struct Statistics {
    /// On all these days together, estimated to about one percent.
    unique_users: u64,
    /// Today first.
    days: Vec<Figures>,
}

/// What all users did on a day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayFigures)]
struct Figures {
    /// Of UTC.
    #[schema(format = Date)]
    day: String,
    unique_users: u64,
    counts: ShownCounts,
    tokens: u64,
    usd: f64,
}

/// How many days are wanted.
enum DaysQuery {}

impl IntoParams for DaysQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let days = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(Users::DAYS_MAX));
        vec![openapi::query("days", "How many days, with today", days.default(Some(DAYS.into())))]
    }
}

/// See what all users did, day by day
#[utoipa::path(
    get,
    path = "/api/admin/users/statistics",
    operation_id = "getUserStatistics",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(DaysQuery),
    responses(
        (status = 200, description = "What they did", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::Days)>,
    ),
)]
pub(crate) async fn statistics(State(state): State<AppState>, query: QueryPairs) -> Result<Answer<Body>, ApiError> {
    let days = match query.as_given("days") {
        None => DAYS,
        Some(days) => days.parse().ok().filter(|days| (1..=Users::DAYS_MAX).contains(days)).ok_or_else(|| {
            let detail = format!("`days` must be a whole number from 1 to {}", Users::DAYS_MAX);
            ApiError::bad_field("days", "invalid_days", detail)
        })?,
    };
    let statistics = patience::redis(state.users.statistics(days)).await?;
    let days = statistics.days.into_iter().map(Figures::from).collect();
    Ok(told(Body { statistics: Statistics { unique_users: statistics.unique_users, days } }))
}

impl From<DayFigures> for Figures {
    fn from(figures: DayFigures) -> Self {
        let DayFigures { day, unique_users, counts, tokens, micros } = figures;
        Self { day, unique_users, counts: counts.into(), tokens, usd: usd(micros) }
    }
}
