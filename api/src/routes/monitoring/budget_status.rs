//! `GET /api/admin/budget/status`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::{
    budget::{BudgetStatus, KillSwitch, Limit, Spend, Usd},
    timestamp::rfc3339,
};

use super::answer;
use crate::{error::ApiError, extract::QueryPairs, identity::checked_user, patience, state::AppState};

/// What may be spent, what was spent, and what accepted jobs may yet come to; with `?userId=` that user's figures, too.
pub(crate) async fn budget_status(State(state): State<AppState>, query: QueryPairs) -> Result<Json<Value>, ApiError> {
    let user = query.get("userId").map(|user| checked_user("userId", user)).transpose()?;
    let status = patience::redis(state.monitoring.budget.status(user.as_deref())).await?;
    Ok(answer("budget", shown(&status)))
}

fn shown(status: &BudgetStatus) -> Value {
    let mut limits = json!({});
    for limit in status.limits {
        let (name, money) = match limit.limit {
            Limit::UserTokensPerDay => ("userTokensPerDay", false),
            Limit::UserMicrosPerDay => ("userUsdPerDay", true),
            Limit::FleetTokensPerMonth => ("fleetTokensPerMonth", false),
            Limit::FleetMicrosPerMonth => ("fleetUsdPerMonth", true),
        };
        let value = if money { usd(limit.value) } else { json!(limit.value) };
        limits[name] = json!({ "value": value, "setByOperator": limit.set });
    }
    json!({
        "killSwitch": kill_switch(status.kill_switch.as_ref()),
        "limits": limits,
        "day": status.day,
        "dayEndsAt": rfc3339(status.day_ends_at_ms),
        "monthEndsAt": rfc3339(status.month_ends_at_ms),
        "fleet": spend(&status.fleet),
        "user": status.user.as_ref().map(spend),
    })
}

pub(super) fn kill_switch(switch: Option<&KillSwitch>) -> Value {
    json!({
        "enabled": switch.is_some(),
        "reason": switch.map(|switch| &switch.reason),
        "since": switch.map(|switch| rfc3339(switch.since_ms)),
    })
}

fn spend(spend: &Spend) -> Value {
    json!({
        "tokens": spend.tokens,
        "usd": usd(spend.micros),
        "heldTokens": spend.held_tokens,
        "heldUsd": usd(spend.held_micros),
    })
}

/// Dollars as a number.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^52 micro-dollars")]
fn usd(micros: u64) -> Value {
    json!(micros as f64 / Usd::MICROS as f64)
}
