//! Which limits of the budget are set, and to what.

use clap::Args;
use shared::budget::{Limit, Usd};

/// Values to set; 0 is no limit.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Values {
    /// Tokens that one user may spend in a day; 0 is no limit
    #[arg(long, value_name = "N")]
    user_tokens_per_day: Option<u64>,

    /// US dollars that one user may spend in a day, such as 0.50; 0 is no limit
    #[arg(long, value_name = "USD")]
    user_usd_per_day: Option<Usd>,

    /// Tokens that the whole fleet may spend in a month; 0 is no limit
    #[arg(long, value_name = "N")]
    fleet_tokens_per_month: Option<u64>,

    /// US dollars that the whole fleet may spend in a month; 0 is no limit
    #[arg(long, value_name = "USD")]
    fleet_usd_per_month: Option<Usd>,
}

/// Limits to unset.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "a switch for each limit")]
pub(super) struct Switches {
    /// Tokens of one user in a day
    #[arg(long)]
    user_tokens_per_day: bool,

    /// US dollars of one user in a day
    #[arg(long)]
    user_usd_per_day: bool,

    /// Tokens of the whole fleet in a month
    #[arg(long)]
    fleet_tokens_per_month: bool,

    /// US dollars of the whole fleet in a month
    #[arg(long)]
    fleet_usd_per_month: bool,
}

impl Values {
    /// The limits that were named.
    pub(super) fn changes(&self) -> Vec<(Limit, Option<u64>)> {
        let named = [
            (Limit::UserTokensPerDay, self.user_tokens_per_day),
            (Limit::UserMicrosPerDay, self.user_usd_per_day.map(Usd::micros)),
            (Limit::FleetTokensPerMonth, self.fleet_tokens_per_month),
            (Limit::FleetMicrosPerMonth, self.fleet_usd_per_month.map(Usd::micros)),
        ];
        named.into_iter().filter(|(_, value)| value.is_some()).collect()
    }
}

impl Switches {
    /// The limits that were named, or all.
    pub(super) fn changes(&self) -> Vec<(Limit, Option<u64>)> {
        let switches = [
            (Limit::UserTokensPerDay, self.user_tokens_per_day),
            (Limit::UserMicrosPerDay, self.user_usd_per_day),
            (Limit::FleetTokensPerMonth, self.fleet_tokens_per_month),
            (Limit::FleetMicrosPerMonth, self.fleet_usd_per_month),
        ];
        let all = !switches.iter().any(|(_, named)| *named);
        switches.into_iter().filter(|(_, named)| all || *named).map(|(limit, _)| (limit, None)).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Set {
        #[command(flatten)]
        values: Values,
    }

    #[derive(Debug, Parser)]
    struct Unset {
        #[command(flatten)]
        switches: Switches,
    }

    fn set(args: &[&str]) -> Result<Vec<(Limit, Option<u64>)>, clap::Error> {
        Ok(Set::try_parse_from([&["set"], args].concat())?.values.changes())
    }

    fn unset(args: &[&str]) -> Vec<(Limit, Option<u64>)> {
        Unset::try_parse_from([&["unset"], args].concat()).unwrap().switches.changes()
    }

    #[test]
    fn dollars_are_set_as_micro_dollars() {
        assert_eq!(
            set(&["--fleet-usd-per-month", "250", "--user-usd-per-day", "0.5"]).unwrap(),
            [(Limit::UserMicrosPerDay, Some(500_000)), (Limit::FleetMicrosPerMonth, Some(250_000_000))]
        );
        assert_eq!(
            set(&["--user-tokens-per-day", "0", "--fleet-tokens-per-month", "9"]).unwrap(),
            [(Limit::UserTokensPerDay, Some(0)), (Limit::FleetTokensPerMonth, Some(9))]
        );
    }

    #[test]
    fn to_set_nothing_or_no_amount_is_wrong_usage() {
        let error = set(&[]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::MissingRequiredArgument, 2));
        for args in [["--user-usd-per-day", "5 EUR"], ["--fleet-tokens-per-month", "1e6"]] {
            assert_eq!(set(&args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }

    #[test]
    fn what_is_named_is_unset_or_else_everything() {
        assert_eq!(unset(&["--user-usd-per-day"]), [(Limit::UserMicrosPerDay, None)]);
        assert_eq!(unset(&[]), Limit::ALL.map(|limit| (limit, None)));
    }
}
