//! Amounts of money as people write them.

use std::{fmt, str::FromStr};

/// Micro-dollars in a dollar.
const MICROS: u64 = 1_000_000;
/// Digits behind the point.
const DECIMALS: usize = 6;

/// An amount in US dollars, exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usd {
    micros: u64,
}

impl Usd {
    /// Micro-dollars in a dollar.
    pub const MICROS: u64 = MICROS;
    /// Nothing.
    pub const ZERO: Self = Self { micros: 0 };
    /// The largest amount that is read: the doubles of Lua count exactly up to nine times as much.
    pub const MAX: Self = Self { micros: 1_000_000_000 * MICROS };

    /// So many micro-dollars.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// In micro-dollars.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.micros
    }
}

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount in USD such as 20 or 0.15, with at most six decimals and not above 1000000000")]
pub struct UsdError(String);

impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).filter(|amount| *amount <= Self::MAX).ok_or_else(|| UsdError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Usd> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let micros: u64 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
    Some(Usd { micros: whole.parse::<u64>().ok()?.checked_mul(MICROS)?.checked_add(micros)? })
}

impl fmt::Display for Usd {
    /// As it is read: `20`, `0.15` or, with cents at least, `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.micros / MICROS, self.micros % MICROS);
        if micros == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{micros:0DECIMALS$}");
        write!(f, "{whole}.{:0<2}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_read_as_they_are_written() {
        for (text, micros, written) in [
            ("0", 0, "0"),
            ("20", 20_000_000, "20"),
            ("0.15", 150_000, "0.15"),
            ("12.5", 12_500_000, "12.50"),
            ("007.000001", 7_000_001, "7.000001"),
            ("0.075", 75_000, "0.075"),
            ("1000000000", 1_000_000_000_000_000, "1000000000"),
        ] {
            let amount: Usd = text.parse().unwrap();
            assert_eq!(amount, Usd::from_micros(micros));
            assert_eq!(amount.to_string(), written);
            assert_eq!(written.parse(), Ok(amount));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            "0.1234567",
            "$5",
            " 5",
            "١",
            "1000000000.000001",
            "99999999999999999999",
            "18446744073709.6",
            "inf",
        ] {
            assert_eq!(text.parse::<Usd>(), Err(UsdError(text.to_owned())));
        }
    }
}
