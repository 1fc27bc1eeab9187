//! The name of one job.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job's id: a UUID of version 7, so that ids sort by the time at which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

/// The text is not a job id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a job id: a UUID is expected")]
pub struct ParseJobIdError;

impl JobId {
    /// A new id that no other process makes.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that differs every time would surprise")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// When it was made, by the clock of who made it, in ms since the Unix epoch; 0 where it does not say.
    #[must_use]
    pub fn made_at_ms(self) -> u64 {
        let time = self.0.get_timestamp().map_or((0, 0), |time| time.to_unix());
        time.0 * 1_000 + u64::from(time.1) / 1_000_000
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for JobId {
    type Err = ParseJobIdError;

    /// Accepts the hyphenated form only, so that one job has one spelling.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 36 {
            return Err(ParseJobIdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| ParseJobIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_sorts_by_time() {
        let (first, second) = (JobId::new(), JobId::new());
        assert!(first < second);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert!(crate::clock::unix_ms().abs_diff(first.made_at_ms()) < 60_000);
    }

    #[test]
    fn refuses_other_spellings() {
        let id = JobId::new().to_string();
        for text in ["", "x", &id.replace('-', ""), &format!("{{{id}}}"), &format!("{id}0")] {
            assert_eq!(text.parse::<JobId>(), Err(ParseJobIdError), "{text}");
        }
    }
}
