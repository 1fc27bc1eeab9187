//! How long a provider asks to wait.

use std::time::Duration;

use http::HeaderMap;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

/// A longer wait than this is not believed.
const LONGEST: Duration = Duration::from_hours(1);

/// `retry-after-ms`, which is OpenAI's own and finer, else `retry-after` in seconds or as a date. A date is compared with the
/// answer's own `date`, so that no clock has to agree with another. 0 says nothing about when.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, "retry-after-ms", 0.001)
        .or_else(|| number(headers, "retry-after", 1.0))
        .or_else(|| until_date(headers))
}

/// A duration as Google writes it: `34s`, `0.5s`.
///
/// <https://protobuf.dev/reference/protobuf/google.protobuf/#duration>
pub(crate) fn google_duration(text: &str) -> Option<Duration> {
    seconds(text.trim().strip_suffix('s')?.parse().ok()?)
}

fn number(headers: &HeaderMap, name: &str, unit_in_seconds: f64) -> Option<Duration> {
    let value: f64 = text(headers, name)?.parse().ok()?;
    seconds(value * unit_in_seconds)
}

fn seconds(seconds: f64) -> Option<Duration> {
    // NaN fails the comparison as well.
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

fn until_date(headers: &HeaderMap) -> Option<Duration> {
    let [until, now] = ["retry-after", "date"].map(|name| http_date(text(headers, name)?));
    let wait = Duration::try_from(until?.duration_since(now?)).ok()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<u128> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_millis())
    }

    #[test]
    fn table() {
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(wait(&[("retry-after", " 1.5 ")]), Some(1_500));
        assert_eq!(wait(&[("retry-after-ms", "250")]), Some(250));
        assert_eq!(wait(&[("retry-after-ms", "250"), ("retry-after", "7")]), Some(250));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "7")]), Some(7_000));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None);
        let at = |until, now| wait(&[("retry-after", until), ("date", now)]);
        assert_eq!(at("Mon, 30 Nov 2026 20:00:08 GMT", "Mon, 30 Nov 2026 20:00:00 GMT"), Some(8_000));
        assert_eq!(at("Mon, 30 Nov 2026 23:00:00 GMT", "Mon, 30 Nov 2026 20:00:00 GMT"), Some(3_600_000));
        assert_eq!(at("Mon, 30 Nov 2026 20:00:00 GMT", "Mon, 30 Nov 2026 20:00:00 GMT"), None);
        assert_eq!(at("Mon, 30 Nov 2026 19:00:00 GMT", "Mon, 30 Nov 2026 20:00:00 GMT"), None);
        assert_eq!(at("Mon, 30 Nov 2026 20:00:08 GMT", "today"), None);
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "0")]), None);
        assert_eq!(wait(&[("retry-after", "NaN")]), None);
        assert_eq!(wait(&[("retry-after", "")]), None);
        assert_eq!(wait(&[("retry-after", "86400")]), Some(3_600_000));
        assert_eq!(wait(&[("retry-after", "inf")]), Some(3_600_000));
    }

    #[test]
    fn googles_durations() {
        assert_eq!(google_duration("34s"), Some(Duration::from_secs(34)));
        assert_eq!(google_duration("0.5s"), Some(Duration::from_millis(500)));
        for text in ["", "34", "s", "-1s", "0s", "NaNs"] {
            assert_eq!(google_duration(text), None, "{text}");
        }
    }
}
