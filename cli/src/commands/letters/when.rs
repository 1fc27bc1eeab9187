//! A time, as an operator writes it.

use std::{str::FromStr, time::Duration};

use shared::{redis::millis, timestamp::parse_rfc3339};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// In ms since the Unix epoch.
    At(u64),
    /// So long before now.
    Ago(Duration),
}

/// The text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ParseWhenError;

impl std::fmt::Display for ParseWhenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a time: 90s, 30m, 2h or 7d ago, a day such as 2026-08-01, or 2026-08-01T12:30:00Z")
    }
}

impl std::error::Error for ParseWhenError {}

impl FromStr for When {
    type Err = ParseWhenError;

    fn from_str(text: &str) -> Result<Self, ParseWhenError> {
        if let Some(at) = parse_rfc3339(text) {
            return Ok(Self::At(at));
        }
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(ParseWhenError)?;
        let number: u32 = number.parse().map_err(|_| ParseWhenError)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(ParseWhenError),
        };
        Ok(Self::Ago(Duration::from_secs(u64::from(number) * seconds)))
    }
}

impl When {
    /// In ms since the Unix epoch, where it is `now_ms`.
    pub(super) fn at(self, now_ms: u64) -> u64 {
        match self {
            Self::At(at) => at,
            Self::Ago(time) => now_ms.saturating_sub(millis(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_so_long_ago() {
        let at = |text: &str| text.parse::<When>().map(|when| when.at(1_709_208_000_123));
        assert_eq!(at("2024-02-29T12:00:00Z"), Ok(1_709_208_000_000));
        assert_eq!(at("2024-02-29"), Ok(1_709_164_800_000));
        assert_eq!(at("90s"), Ok(1_709_208_000_123 - 90_000));
        assert_eq!(at("7d"), Ok(1_709_208_000_123 - 7 * 86_400_000));
        assert_eq!(at("4000000000d"), Ok(0));
        for text in ["", "h", "7", "7w", "-1h", "1.5h", "gestern", "1ü"] {
            assert_eq!(at(text), Err(ParseWhenError), "{text}");
        }
    }
}
