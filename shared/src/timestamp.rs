//! Time stamps for people and programs, as `Date.toISOString` writes them.

use jiff::{Timestamp, civil::Date};

/// Milliseconds since the Unix epoch as `2026-08-01T12:30:00.123Z`. What lies behind the year 9999, which RFC 3339 can't
/// write, is the end of it.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let in_range = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", in_range.unwrap_or(Timestamp::MAX))
}

/// Milliseconds since the Unix epoch of `2026-08-01T12:30:00Z`, with any offset from UTC, or of the beginning of `2026-08-01`
/// (UTC). `None` for other texts, and for times before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        // A time of a day without an offset is read as that day by `Date`, which would not be what was meant.
        Err(_) if text.len() == "2026-08-01".len() => {
            text.parse::<Date>().ok()?;
            format!("{text}T00:00:00Z").parse().ok()?
        }
        Err(_) => return None,
    };
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_to_iso_string_writes() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_208_000_123, "2024-02-29T12:00:00.123Z"),
            (1_767_225_599_000, "2025-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn a_time_that_can_not_be_written_is_the_last_one_that_can() {
        for ms in [253_402_300_800_000, i64::MAX as u64, u64::MAX] {
            assert!(rfc3339(ms).starts_with("9999-12-30T"), "{}", rfc3339(ms));
        }
    }

    #[test]
    fn reads_times_and_days() {
        assert_eq!(parse_rfc3339("2024-02-29T12:00:00.123Z"), Some(1_709_208_000_123));
        assert_eq!(parse_rfc3339("2024-02-29T14:00:00+02:00"), Some(1_709_208_000_000));
        assert_eq!(parse_rfc3339("2024-02-29"), Some(1_709_164_800_000));
        for text in ["", "yesterday", "2024-02-30", "1969-01-01", "2024-02-29T12:00:00", "12"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
