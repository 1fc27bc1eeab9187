//! How fast letters are put back, so that no flood follows.

use std::{str::FromStr, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Letters a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::commands) struct Rate(f64);

/// The text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) struct ParseRateError;

impl std::fmt::Display for ParseRateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a rate: 50/s, or 30/m for so many a minute")
    }
}

impl std::error::Error for ParseRateError {}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let (number, seconds) = match text.split_once('/') {
            Some((number, "s")) => (number, 1.0),
            Some((number, "m")) => (number, 60.0),
            _ => return Err(ParseRateError),
        };
        let number: u32 = number.parse().map_err(|_| ParseRateError)?;
        if number == 0 { Err(ParseRateError) } else { Ok(Self(f64::from(number) / seconds)) }
    }
}

/// Keeps to a rate, if there is one.
#[derive(Debug)]
pub(in crate::commands) struct Pace {
    rate: Option<Rate>,
    began: Instant,
    done: f64,
}

impl Pace {
    pub(in crate::commands) fn new(rate: Option<Rate>) -> Self {
        Self { rate, began: Instant::now(), done: 0.0 }
    }

    /// How many letters go in one step, of at most `most`: those of a tenth of a second.
    pub(in crate::commands) fn step(&self, most: usize) -> usize {
        let Some(Rate(rate)) = self.rate else { return most };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let step = (rate / 10.0).ceil() as usize;
        step.clamp(1, most)
    }

    /// Waits until `letters` more may go.
    pub(in crate::commands) async fn wait_for(&mut self, letters: usize) {
        let Some(Rate(rate)) = self.rate else { return };
        sleep_until(self.began + Duration::from_secs_f64(self.done / rate)).await;
        self.done += count(letters);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
const fn count(letters: usize) -> f64 {
    letters as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_so_many_a_second_or_a_minute() {
        assert_eq!("50/s".parse(), Ok(Rate(50.0)));
        assert_eq!("30/m".parse(), Ok(Rate(0.5)));
        for text in ["", "50", "0/s", "-1/s", "1.5/s", "50/h", "/s"] {
            assert_eq!(text.parse::<Rate>(), Err(ParseRateError), "{text}");
        }
    }

    #[tokio::test]
    async fn no_more_go_than_the_rate_lets() {
        let step = |rate| Pace::new(rate).step(100);
        assert_eq!(
            (step(Some(Rate(50.0))), step(Some(Rate(0.5))), step(Some(Rate(5_000.0))), step(None)),
            (5, 1, 100, 100)
        );
        let mut pace = Pace::new(Some(Rate(500.0)));
        for _ in 0..3 {
            pace.wait_for(50).await;
        }
        assert!(pace.began.elapsed() >= Duration::from_millis(200), "100 letters went before the last step");
    }
}
