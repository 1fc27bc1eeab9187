//! OpenAI's rate headers.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::limits::Level;

/// Where both limits stand, as headers are to tell.
pub(super) type Levels = [Option<Level>; 2];

const NAMES: [[HeaderName; 3]; 2] = [
    [
        HeaderName::from_static("x-ratelimit-limit-requests"),
        HeaderName::from_static("x-ratelimit-remaining-requests"),
        HeaderName::from_static("x-ratelimit-reset-requests"),
    ],
    [
        HeaderName::from_static("x-ratelimit-limit-tokens"),
        HeaderName::from_static("x-ratelimit-remaining-tokens"),
        HeaderName::from_static("x-ratelimit-reset-tokens"),
    ],
];

/// Adds `x-ratelimit-*` for the limits that are on.
pub(super) fn add(headers: &mut HeaderMap, levels: &Levels) {
    for (names, level) in NAMES.iter().zip(levels) {
        if let Some(level) = level {
            headers.insert(names[0].clone(), level.limit.into());
            headers.insert(names[1].clone(), level.remaining.into());
            if let Ok(reset) = HeaderValue::try_from(go_duration(level.full_in_us)) {
                headers.insert(names[2].clone(), reset);
            }
        }
    }
}

/// Adds `retry-after` in whole seconds, rounded up, and `retry-after-ms`.
pub(super) fn add_retry_after(headers: &mut HeaderMap, wait_ms: u64) {
    headers.insert(http::header::RETRY_AFTER, wait_ms.div_ceil(1_000).into());
    headers.insert(HeaderName::from_static("retry-after-ms"), wait_ms.into());
}

/// A duration as Go writes it, to the millisecond: `0s`, `120ms`, `5.66s`, `6m0s`, `1h0m0.5s`.
fn go_duration(us: u64) -> String {
    let ms = us.div_ceil(1_000);
    if ms > 0 && ms < 1_000 {
        return format!("{ms}ms");
    }
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let fraction = format!(".{:03}", rest % 1_000);
    let seconds = format!("{}{}s", rest / 1_000, fraction.trim_end_matches('0').trim_end_matches('.'));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_does() {
        let cases = [
            (0, "0s"),
            (1, "1ms"),
            (120_000, "120ms"),
            (1_000_000, "1s"),
            (5_660_000, "5.66s"),
            (5_050_000, "5.05s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (3_600_500_000, "1h0m0.5s"),
        ];
        for (us, text) in cases {
            assert_eq!(go_duration(us), text);
        }
    }

    #[test]
    fn whole_seconds_are_rounded_up() {
        let mut headers = HeaderMap::new();
        add_retry_after(&mut headers, 1_001);
        assert_eq!(
            (&headers["retry-after"], &headers["retry-after-ms"]),
            (&"2".parse().unwrap(), &"1001".parse().unwrap())
        );
    }
}
