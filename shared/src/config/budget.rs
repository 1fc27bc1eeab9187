//! What may be spent, and what a token costs.

use clap::Args;

use super::ConfigError;
use crate::budget::{Limits, Prices, Usd};

/// The budget: jobs are refused when they could overrun it. Days and months are those of UTC.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetConfig {
    /// Tokens that one user may spend in a day; 0 is no limit
    #[arg(long, env = "BUDGET_USER_TOKENS_PER_DAY", default_value_t = 0)]
    pub budget_user_tokens_per_day: u64,

    /// US dollars that one user may spend in a day, such as 0.50; 0 is no limit
    #[arg(long, env = "BUDGET_USER_USD_PER_DAY", default_value_t = Usd::ZERO)]
    pub budget_user_usd_per_day: Usd,

    /// Tokens that the whole fleet may spend in a month; 0 is no limit
    #[arg(long, env = "BUDGET_FLEET_TOKENS_PER_MONTH", default_value_t = 0)]
    pub budget_fleet_tokens_per_month: u64,

    /// US dollars that the whole fleet may spend in a month; 0 is no limit
    #[arg(long, env = "BUDGET_FLEET_USD_PER_MONTH", default_value_t = Usd::ZERO)]
    pub budget_fleet_usd_per_month: Usd,
}

impl BudgetConfig {
    /// Checks that limits of money can be kept: calls to a model without a price would not count.
    ///
    /// # Errors
    ///
    /// When there is such a limit and `model` has no price.
    pub fn validate(&self, prices: &Prices, model: &str) -> Result<(), ConfigError> {
        let limits = [
            ("BUDGET_USER_USD_PER_DAY", self.budget_user_usd_per_day),
            ("BUDGET_FLEET_USD_PER_MONTH", self.budget_fleet_usd_per_month),
        ];
        match limits.into_iter().find(|(_, limit)| *limit > Usd::ZERO) {
            Some((variable, limit)) if !prices.has(model) => Err(ConfigError::new(format!(
                "{variable} is {limit}, and the model {model} has no price: OPENAI_PRICES (--openai-prices) must list it, such \
                 as {model}=0.10/0.50, or {model}=0/0 if it is free"
            ))),
            _ => Ok(()),
        }
    }

    /// The limits as scripts count them.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            user_tokens_per_day: self.budget_user_tokens_per_day,
            user_micros_per_day: self.budget_user_usd_per_day.micros(),
            fleet_tokens_per_month: self.budget_fleet_tokens_per_month,
            fleet_micros_per_month: self.budget_fleet_usd_per_month.micros(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        budget: BudgetConfig,
    }

    fn parse(args: &[&str]) -> Result<BudgetConfig, clap::Error> {
        Cli::try_parse_from([&["test"], args].concat()).map(|cli| cli.budget)
    }

    #[test]
    fn nothing_is_limited_unless_it_is_asked_for() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.limits(), Limits::default());
    }

    #[test]
    fn dollars_become_micro_dollars() {
        let config = parse(&["--budget-user-usd-per-day", "0.5", "--budget-fleet-usd-per-month", "1200"]).unwrap();
        assert_eq!(
            config.limits(),
            Limits { user_micros_per_day: 500_000, fleet_micros_per_month: 1_200_000_000, ..Limits::default() }
        );
    }

    #[test]
    fn a_limit_of_money_needs_a_price() {
        let prices: Prices = "mini=1/2,free=0/0".parse().unwrap();
        for flag in ["--budget-user-usd-per-day", "--budget-fleet-usd-per-month"] {
            let config = parse(&[flag, "0.5"]).unwrap();
            for model in ["mini", "mini-2026-01-31", "free"] {
                config.validate(&prices, model).unwrap();
            }
            let error = config.validate(&prices, "cards").unwrap_err().to_string();
            let variable = flag[2..].replace('-', "_").to_uppercase();
            assert!(
                error.contains("model cards") && error.contains("OPENAI_PRICES") && error.contains(&variable),
                "{error}"
            );
        }
        parse(&["--budget-user-tokens-per-day", "5"]).unwrap().validate(&prices, "cards").unwrap();
    }

    #[test]
    fn a_wrong_value_names_the_setting() {
        for [flag, value] in [
            ["--budget-user-tokens-per-day", "many"],
            ["--budget-user-usd-per-day", "5 EUR"],
            ["--budget-fleet-tokens-per-month", "1e6"],
            ["--budget-fleet-usd-per-month", "1,000"],
        ] {
            let error = parse(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
