//! What an attempt came to, as it is settled.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::job::{Decision, JobError, RetryPolicy};

/// Longest message that is kept, in characters.
const MESSAGE_MAX_CHARS: usize = 500;

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete(Box<RawValue>),
    Unfinished(Unfinished),
}

/// An attempt without a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// The script's word: retry, snooze, fail or cancel.
    pub(super) word: &'static str,
    pub(super) delay: Duration,
    pub(super) code: String,
    pub(super) message: String,
    /// The error and what caused it, for those who look into a dead letter.
    pub(super) chain: String,
}

impl Unfinished {
    /// The attempt is given back, to be made by someone else at once.
    pub(super) fn returned() -> Self {
        let message = "The worker stopped before the attempt had ended".to_owned();
        Self {
            word: "snooze",
            delay: Duration::ZERO,
            code: "worker_stopped".to_owned(),
            chain: message.clone(),
            message,
        }
    }
}

impl Outcome {
    /// What becomes of a job whose attempt number `attempt` ended with `error`.
    pub(super) fn of_error(error: &JobError, policy: RetryPolicy, attempt: u32) -> Self {
        let (word, delay) = match error.decision() {
            Decision::Retry => ("retry", policy.delay(attempt)),
            Decision::RetryAfter(delay) => ("retry", delay),
            Decision::Snooze(delay) => ("snooze", delay),
            Decision::Cancel => ("cancel", Duration::ZERO),
            Decision::Fail => ("fail", Duration::ZERO),
        };
        let cut = |text: &str| text.chars().take(MESSAGE_MAX_CHARS).collect();
        let (message, chain) = (cut(error.message()), cut(&error.chain()));
        Self::Unfinished(Unfinished { word, delay, code: error.code().to_owned(), message, chain })
    }

    /// The word for logs.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Complete(_) => "complete",
            Self::Unfinished(unfinished) => unfinished.word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_become_words() {
        let second = Duration::from_secs(1);
        let word = |error: JobError| {
            let Outcome::Unfinished(end) = Outcome::of_error(&error, RetryPolicy::default(), 1) else { panic!() };
            (end.word, end.delay)
        };
        assert_eq!(word(JobError::retry_after(second, "c", "m")), ("retry", second));
        assert_eq!(word(JobError::snooze(second, "c", "m")), ("snooze", second));
        assert_eq!(word(JobError::cancel("c", "m")), ("cancel", Duration::ZERO));
        assert_eq!(word(JobError::fail("c", "m")), ("fail", Duration::ZERO));
        let (retry, delay) = word(JobError::retry("c", "m"));
        assert_eq!(retry, "retry");
        assert!(delay <= Duration::from_secs(2));
    }

    #[test]
    fn long_messages_are_cut() {
        let error = JobError::fail("c", "ü".repeat(2_000));
        let Outcome::Unfinished(end) = Outcome::of_error(&error, RetryPolicy::default(), 1) else { panic!() };
        assert_eq!(end.message.chars().count(), MESSAGE_MAX_CHARS);
    }
}
