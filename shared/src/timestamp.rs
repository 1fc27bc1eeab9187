//! Time stamps for people and programs, as `Date.toISOString` writes them.

use jiff::Timestamp;

/// Milliseconds since the Unix epoch as `2026-08-01T12:30:00.123Z`. What lies behind the year 9999, which RFC 3339 can't
/// write, is the end of it.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let in_range = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", in_range.unwrap_or(Timestamp::MAX))
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
}
