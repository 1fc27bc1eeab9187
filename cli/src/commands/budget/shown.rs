//! The budget as it is shown.

use std::fmt;

use serde_json::{Value, json};
use shared::{
    budget::{BudgetStatus, Limit, LimitInForce, Spend, Usd},
    timestamp::rfc3339,
};

use crate::output::plain;

/// The budget, as far as Redis knows it: limits that no operator has set are known to the api alone.
#[derive(Debug)]
pub(super) struct Shown(pub(super) BudgetStatus);

impl Shown {
    /// As programs read it. Money is in micro-dollars.
    pub(super) fn document(&self) -> Value {
        let Self(status) = self;
        let set = status.limits.iter().filter(|limit| limit.set);
        let set: serde_json::Map<_, _> = set.map(|of| (of.limit.name().to_owned(), of.value.into())).collect();
        let kill_switch =
            status.kill_switch.as_ref().map(|thrown| json!({ "reason": thrown.reason, "since_ms": thrown.since_ms }));
        json!({
            "kill_switch": kill_switch,
            "set": set,
            "day": status.day,
            "day_ends_at_ms": status.day_ends_at_ms,
            "month_ends_at_ms": status.month_ends_at_ms,
            "fleet": spend(&status.fleet),
            "user": status.user.as_ref().map(spend),
        })
    }
}

fn spend(spend: &Spend) -> Value {
    let Spend { tokens, micros, held_tokens, held_micros, assumed_tokens, assumed_micros } = spend;
    json!({
        "tokens": tokens,
        "micros": micros,
        "held_tokens": held_tokens,
        "held_micros": held_micros,
        "assumed_tokens": assumed_tokens,
        "assumed_micros": assumed_micros,
    })
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        let kill_switch = status.kill_switch.as_ref().map_or_else(
            || "off".to_owned(),
            |thrown| format!("on since {}: {}", rfc3339(thrown.since_ms), plain(&thrown.reason)),
        );
        writeln!(f, "{:<22}  {kill_switch}\n", "kill switch")?;
        for limit in &status.limits {
            writeln!(f, "{:<22}  {}", flag(limit.limit), value(limit))?;
        }
        write!(
            f,
            "\n{:<22}  {:>12}  {:>12}  {:>12}  {:>12}  begins anew",
            "spent and held", "tokens", "held", "USD", "held"
        )?;
        let month = status.day.get(..7).unwrap_or_default();
        write_spend(f, &format!("fleet, {month}"), &status.fleet, status.month_ends_at_ms)?;
        if let Some(user) = &status.user {
            write_spend(f, &format!("user, {}", status.day), user, status.day_ends_at_ms)?;
        }
        write_assumed(f, "fleet", &status.fleet)?;
        status.user.as_ref().map_or(Ok(()), |user| write_assumed(f, "user", user))
    }
}

fn write_spend(f: &mut fmt::Formatter<'_>, who: &str, spend: &Spend, ends_at_ms: u64) -> fmt::Result {
    let Spend { tokens, micros, held_tokens, held_micros, .. } = *spend;
    let [usd, held_usd] = [micros, held_micros].map(|micros| Usd::from_micros(micros).to_string());
    write!(f, "\n{who:<22}  {tokens:>12}  {held_tokens:>12}  {usd:>12}  {held_usd:>12}  {}", rfc3339(ends_at_ms))
}

/// What of the spent is not known: calls that timed out after they were sent.
fn write_assumed(f: &mut fmt::Formatter<'_>, who: &str, spend: &Spend) -> fmt::Result {
    if spend.assumed_tokens == 0 {
        return Ok(());
    }
    let usd = Usd::from_micros(spend.assumed_micros);
    let label = format!("{who}, assumed");
    write!(
        f,
        "\n{label:<22}  {:>12}  {:>12}  {usd:>12}  {:>12}  of the spent: calls that timed out",
        spend.assumed_tokens, "", ""
    )
}

/// How the limit is called on this command line.
const fn flag(limit: Limit) -> &'static str {
    match limit {
        Limit::UserTokensPerDay => "user-tokens-per-day",
        Limit::UserMicrosPerDay => "user-usd-per-day",
        Limit::FleetTokensPerMonth => "fleet-tokens-per-month",
        Limit::FleetMicrosPerMonth => "fleet-usd-per-month",
    }
}

fn value(limit: &LimitInForce) -> String {
    match (limit.set, limit.value, limit.limit) {
        (false, ..) => "as the api is configured".to_owned(),
        (true, 0, _) => "no limit".to_owned(),
        (true, micros, Limit::UserMicrosPerDay | Limit::FleetMicrosPerMonth) => Usd::from_micros(micros).to_string(),
        (true, tokens, _) => tokens.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use shared::budget::KillSwitch;

    use super::*;

    fn status() -> BudgetStatus {
        let set = [Some(200_000), Some(0), None, Some(250_500_000)];
        BudgetStatus {
            kill_switch: None,
            limits: std::array::from_fn(|i| LimitInForce {
                limit: Limit::ALL[i],
                value: set[i].unwrap_or_default(),
                set: set[i].is_some(),
            }),
            day: "2024-02-29".to_owned(),
            day_ends_at_ms: 1_709_251_200_000,
            month_ends_at_ms: 1_709_251_200_000,
            fleet: Spend {
                tokens: 1_234_567,
                micros: 1_250_000,
                held_tokens: 8_000,
                held_micros: 7_500,
                ..Spend::default()
            },
            user: None,
        }
    }

    #[test]
    fn limits_that_were_set_stand_above_what_is_spent() {
        let user = Some(Spend { tokens: 600, micros: 450, ..Spend::default() });
        assert_eq!(
            Shown(BudgetStatus { user, ..status() }).to_string(),
            "kill switch             off\n\
             \n\
             user-tokens-per-day     200000\n\
             user-usd-per-day        no limit\n\
             fleet-tokens-per-month  as the api is configured\n\
             fleet-usd-per-month     250.50\n\
             \n\
             spent and held                tokens          held           USD          held  begins anew\n\
             fleet, 2024-02               1234567          8000          1.25        0.0075  2024-03-01T00:00:00.000Z\n\
             user, 2024-02-29                 600             0       0.00045             0  2024-03-01T00:00:00.000Z"
        );
    }

    #[test]
    fn what_is_assumed_of_the_spent_is_a_line_of_its_own() {
        let assumed = |spend: Spend| Spend { assumed_tokens: 5_676, assumed_micros: 2_206, ..spend };
        let user = Some(Spend { tokens: 6_000, micros: 2_300, ..Spend::default() });
        let shown = Shown(BudgetStatus { fleet: assumed(status().fleet), user: user.map(assumed), ..status() });
        let text = shown.to_string();
        let lines: Vec<&str> = text.lines().rev().take(2).collect();
        assert_eq!(
            lines,
            [
                "user, assumed                   5676                0.002206                of the spent: calls that timed out",
                "fleet, assumed                  5676                0.002206                of the spent: calls that timed out",
            ]
        );
        assert_eq!(shown.document()["user"]["assumed_tokens"], 5_676);
        assert_eq!(shown.document()["fleet"]["assumed_micros"], 2_206);
    }

    #[test]
    fn a_kill_switch_that_is_thrown_says_since_when_and_why() {
        let thrown = KillSwitch { reason: "key\nleaked".to_owned(), since_ms: 1_709_208_000_123 };
        let shown = Shown(BudgetStatus { kill_switch: Some(thrown), ..status() });
        let text = shown.to_string();
        assert!(text.starts_with("kill switch             on since 2024-02-29T12:00:00.123Z: key leaked\n"), "{text}");
        assert_eq!(
            shown.document()["kill_switch"],
            json!({ "reason": "key\nleaked", "since_ms": 1_709_208_000_123_u64 })
        );
    }

    #[test]
    fn the_document_has_the_limits_that_were_set() {
        let document = Shown(status()).document();
        assert_eq!(
            document["set"],
            json!({ "user_tokens_per_day": 200_000, "user_micros_per_day": 0, "fleet_micros_per_month": 250_500_000 })
        );
        assert_eq!(document["fleet"]["held_tokens"], 8_000);
        assert_eq!((&document["kill_switch"], &document["user"]), (&Value::Null, &Value::Null));
    }
}
