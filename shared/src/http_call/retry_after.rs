//! How long a provider asks to wait.

use std::time::Duration;

use http::HeaderMap;

/// A longer wait than this is not believed.
const LONGEST: Duration = Duration::from_hours(1);

/// `retry-after-ms`, which is OpenAI's own and finer, else `retry-after` in seconds. A date is ignored, since it would need
/// both clocks to agree; so is 0, which says nothing about when.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, "retry-after-ms", 0.001).or_else(|| number(headers, "retry-after", 1.0))
}

fn number(headers: &HeaderMap, name: &str, unit_in_seconds: f64) -> Option<Duration> {
    let value: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    let seconds = value * unit_in_seconds;
    // NaN fails the comparison as well.
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
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
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "0")]), None);
        assert_eq!(wait(&[("retry-after", "NaN")]), None);
        assert_eq!(wait(&[("retry-after", "")]), None);
        assert_eq!(wait(&[("retry-after", "86400")]), Some(3_600_000));
        assert_eq!(wait(&[("retry-after", "inf")]), Some(3_600_000));
    }
}
