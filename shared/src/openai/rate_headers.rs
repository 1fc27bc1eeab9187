//! What the provider says about its limits, with every answer.
//!
//! <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>

use std::time::Duration;

use http::HeaderMap;

/// The provider's view of both of its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Requests.
    pub requests: RateWindow,
    /// Tokens.
    pub tokens: RateWindow,
}

/// The provider's view of one limit. `None` is unknown: some gateways leave the headers out, or send `-1` or `0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateWindow {
    /// The limit.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Until ALL of it is there again, not until the next call may go.
    pub reset: Option<Duration>,
}

impl RateHeaders {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            requests: RateWindow::parse(
                text("x-ratelimit-limit-requests"),
                text("x-ratelimit-remaining-requests"),
                text("x-ratelimit-reset-requests"),
            ),
            tokens: RateWindow::parse(
                text("x-ratelimit-limit-tokens"),
                text("x-ratelimit-remaining-tokens"),
                text("x-ratelimit-reset-tokens"),
            ),
        }
    }
}

impl RateWindow {
    fn parse(limit: &str, remaining: &str, reset: &str) -> Self {
        let limit = limit.trim().parse().ok().filter(|limit| *limit > 0);
        Self {
            limit,
            // "Nothing left" is believed only of a limit that is known.
            remaining: remaining.trim().parse().ok().filter(|left| *left > 0 || limit.is_some()),
            reset: go_duration(reset.trim()),
        }
    }
}

/// Reads what Go's `Duration.String` writes, such as `1h2m3s`, `6m0s`, `5.66s` or `120ms`:
/// <https://pkg.go.dev/time#Duration.String>. A negative one is unknown.
fn go_duration(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        seconds += number.parse::<f64>().ok()? * unit_in_seconds(unit)?;
        rest = next;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

fn unit_in_seconds(unit: &str) -> Option<f64> {
    match unit {
        "h" => Some(3_600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        // The micro sign, and the Greek letter that looks like it.
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let ms = |text| go_duration(text).map(|duration| duration.as_millis());
        assert_eq!(ms("1s"), Some(1_000));
        assert_eq!(ms("6m0s"), Some(360_000));
        assert_eq!(ms("120ms"), Some(120));
        assert_eq!(ms("5.66s"), Some(5_660));
        assert_eq!(ms("1h2m3s"), Some(3_723_000));
        assert_eq!(ms("2m59.56s"), Some(179_560));
        assert_eq!(ms("0s"), Some(0));
        assert_eq!(go_duration("250us"), Some(Duration::from_micros(250)));
        for unknown in ["", "-1", "-1s", "60", "s", "1.2.3s", "1s2", "1 s", "1d", "soon", "1e999s"] {
            assert_eq!(ms(unknown), None, "{unknown}");
        }
        assert_eq!(ms(&format!("{}h", "9".repeat(40))), None, "too long for a Duration");
    }

    #[test]
    fn windows() {
        let known = RateWindow { limit: Some(60), remaining: Some(0), reset: Some(Duration::from_secs(1)) };
        assert_eq!(RateWindow::parse("60", "0", "1s"), known);
        for unknown in ["-1", "0", "", "many", "1.5"] {
            assert_eq!(RateWindow::parse(unknown, unknown, unknown), RateWindow::default(), "{unknown}");
        }
        assert_eq!(RateWindow::parse("", "5", "").remaining, Some(5));
    }

    #[test]
    fn each_header_has_its_place() {
        let mut headers = HeaderMap::new();
        for (place, name) in
            ["limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens"].iter().enumerate()
        {
            let name: http::HeaderName = format!("x-ratelimit-{name}").parse().unwrap();
            headers.insert(name, (place + 1).into());
        }
        headers.insert("x-ratelimit-reset-requests", "5s".parse().unwrap());
        headers.insert("x-ratelimit-reset-tokens", "6s".parse().unwrap());
        let window = |limit, remaining, reset| RateWindow {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(reset)),
        };
        let expected = RateHeaders { requests: window(1, 2, 5), tokens: window(3, 4, 6) };
        assert_eq!(RateHeaders::read(&headers), expected);
    }
}
