//! `GET /api/admin/budget/status`

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    budget::{self, BudgetStatus, Limit, Usd},
    timestamp::rfc3339,
};
use utoipa::ToSchema;

use super::{Answer, Told, told};
use crate::{
    error::ApiError,
    extract::QueryPairs,
    identity::checked_user,
    openapi::{self, LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    budget: Budget,
}

/// What may be spent, what was spent, and what accepted jobs may yet come to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Budget {
    kill_switch: KillSwitch,
    limits: BudgetLimits,
    /// The day at hand (UTC).
    day: String,
    #[schema(format = DateTime)]
    day_ends_at: String,
    #[schema(format = DateTime)]
    month_ends_at: String,
    /// In this month.
    fleet: Spend,
    /// On this day, of the user that was asked for.
    user: Option<Spend>,
}

/// While it is thrown no job is accepted, and none is given out.
#[derive(Serialize, ToSchema)]
pub(super) struct KillSwitch {
    enabled: bool,
    reason: Option<String>,
    #[schema(format = DateTime)]
    since: Option<String>,
}

/// 0 is no limit.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BudgetLimits {
    user_tokens_per_day: LimitShown,
    user_usd_per_day: LimitShown,
    fleet_tokens_per_month: LimitShown,
    fleet_usd_per_month: LimitShown,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BudgetLimit)]
struct LimitShown {
    #[schema(value_type = f64)]
    value: Value,
    /// Set by an operator, and not by the deployment.
    set_by_operator: bool,
}

/// What was spent, and what accepted jobs may yet come to (held).
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spend {
    tokens: u64,
    usd: f64,
    held_tokens: u64,
    held_usd: f64,
    /// Part of `tokens`: the reservations of calls that timed out after they were sent.
    assumed_tokens: u64,
    /// Part of `usd`, of the same calls.
    assumed_usd: f64,
}

impl From<budget::Spend> for Spend {
    fn from(spend: budget::Spend) -> Self {
        let budget::Spend { tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros } = spend;
        Self {
            tokens,
            usd: usd(micros),
            held_tokens,
            held_usd: usd(held_micros),
            assumed_tokens,
            assumed_usd: usd(assumed_micros),
        }
    }
}

/// See the budget
///
/// What may be spent, what was spent, and what accepted jobs may yet come to; with `userId` that user's figures, too.
#[utoipa::path(
    get,
    path = "/api/admin/budget/status",
    operation_id = "getBudget",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(openapi::AnyUserInQuery),
    responses(
        (status = 200, description = "The budget", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfUser)>,
    ),
)]
pub(crate) async fn budget_status(State(state): State<AppState>, query: QueryPairs) -> Result<Answer<Body>, ApiError> {
    let user = query
        .as_given("userId")
        .filter(|user| !user.is_empty())
        .map(|user| checked_user("userId", user))
        .transpose()?;
    let status = patience::redis(state.monitoring.budget.status(user.as_deref())).await?;
    Ok(told(Body { budget: shown(&status) }))
}

fn shown(status: &BudgetStatus) -> Budget {
    let limit = |wanted: Limit, money: bool| {
        let limit = status.limits.iter().find(|limit| limit.limit == wanted);
        let (value, set) = limit.map_or((0, false), |limit| (limit.value, limit.set));
        LimitShown { value: if money { json!(usd(value)) } else { json!(value) }, set_by_operator: set }
    };
    Budget {
        kill_switch: kill_switch(status.kill_switch.as_ref()),
        limits: BudgetLimits {
            user_tokens_per_day: limit(Limit::UserTokensPerDay, false),
            user_usd_per_day: limit(Limit::UserMicrosPerDay, true),
            fleet_tokens_per_month: limit(Limit::FleetTokensPerMonth, false),
            fleet_usd_per_month: limit(Limit::FleetMicrosPerMonth, true),
        },
        day: status.day.clone(),
        day_ends_at: rfc3339(status.day_ends_at_ms),
        month_ends_at: rfc3339(status.month_ends_at_ms),
        fleet: status.fleet.into(),
        user: status.user.map(Spend::from),
    }
}

pub(super) fn kill_switch(switch: Option<&budget::KillSwitch>) -> KillSwitch {
    KillSwitch {
        enabled: switch.is_some(),
        reason: switch.map(|switch| switch.reason.clone()),
        since: switch.map(|switch| rfc3339(switch.since_ms)),
    }
}

/// Dollars as a number.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^52 micro-dollars")]
pub(crate) fn usd(micros: u64) -> f64 {
    micros as f64 / Usd::MICROS as f64
}
