//! Which limits are set, and to what.

use clap::Args;
use shared::limiter::LimitName;

/// Values to set; 0 turns a constraint off.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Values {
    /// Requests in a window, of a minute unless the workers were told otherwise; 0 turns the constraint off
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100_000))]
    rpm: Option<u32>,

    /// Requests in a second; 0 turns the constraint off
    #[arg(long, value_name = "N")]
    rps: Option<u32>,

    /// Tokens in a window; 0 turns the constraint off
    #[arg(long, value_name = "N")]
    tpm: Option<u32>,

    /// Calls in flight; 0 turns the constraint off
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
}

/// Limits to unset.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "a switch for each limit")]
pub(super) struct Switches {
    /// Requests in a window
    #[arg(long)]
    rpm: bool,

    /// Requests in a second
    #[arg(long)]
    rps: bool,

    /// Tokens in a window
    #[arg(long)]
    tpm: bool,

    /// Calls in flight
    #[arg(long)]
    concurrency: bool,
}

impl Values {
    /// The limits that were named.
    pub(super) fn changes(&self) -> Vec<(LimitName, Option<u64>)> {
        let named = [
            (LimitName::Rpm, self.rpm),
            (LimitName::Rps, self.rps),
            (LimitName::Tpm, self.tpm),
            (LimitName::Concurrency, self.concurrency),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, Some(value?.into())))).collect()
    }
}

impl Switches {
    /// The limits that were named, or all.
    pub(super) fn changes(&self) -> Vec<(LimitName, Option<u64>)> {
        let switches = [
            (LimitName::Rpm, self.rpm),
            (LimitName::Rps, self.rps),
            (LimitName::Tpm, self.tpm),
            (LimitName::Concurrency, self.concurrency),
        ];
        let all = !switches.iter().any(|(_, named)| *named);
        switches.into_iter().filter(|(_, named)| all || *named).map(|(name, _)| (name, None)).collect()
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

    fn set(args: &[&str]) -> Result<Vec<(LimitName, Option<u64>)>, clap::Error> {
        Ok(Set::try_parse_from([&["set"], args].concat())?.values.changes())
    }

    fn unset(args: &[&str]) -> Vec<(LimitName, Option<u64>)> {
        Unset::try_parse_from([&["unset"], args].concat()).unwrap().switches.changes()
    }

    #[test]
    fn what_is_named_is_set() {
        assert_eq!(
            set(&["--tpm", "0", "--rpm", "500"]).unwrap(),
            [(LimitName::Rpm, Some(500)), (LimitName::Tpm, Some(0))]
        );
        assert_eq!(
            set(&["--rps", "9", "--concurrency", "20"]).unwrap(),
            [(LimitName::Rps, Some(9)), (LimitName::Concurrency, Some(20))]
        );
    }

    #[test]
    fn to_set_nothing_is_wrong_usage() {
        let error = set(&[]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::MissingRequiredArgument, 2));
        assert!(error.to_string().contains("--rpm <N>|--rps <N>|--tpm <N>|--concurrency <N>"), "{error}");
    }

    #[test]
    fn a_value_that_is_none_is_wrong_usage() {
        for args in [["--rpm", "many"], ["--rpm", "100001"], ["--rpm", "-1"], ["--tpm", "1e5"]] {
            assert_eq!(set(&args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }

    #[test]
    fn what_is_named_is_unset_or_else_everything() {
        assert_eq!(unset(&["--rps", "--tpm"]), [(LimitName::Rps, None), (LimitName::Tpm, None)]);
        let all = [LimitName::Rpm, LimitName::Rps, LimitName::Tpm, LimitName::Concurrency];
        assert_eq!(unset(&[]), all.map(|name| (name, None)));
    }
}
