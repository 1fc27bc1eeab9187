//! What an attempt came to, as it is settled.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::{
    job::{Decision, JobError, RetryPolicy},
    label_values,
};

/// Longest message that is kept, in characters.
const MESSAGE_MAX_CHARS: usize = 500;

label_values! {
    /// The kinds of [`Outcome`], as `settle`, logs and metrics name them.
    pub(super) enum OutcomeKind {
        Complete = "complete",
        Retry = "retry",
        Snooze = "snooze",
        Fail = "fail",
        Cancel = "cancel",
    }
}

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete(Box<RawValue>),
    Unfinished(Unfinished),
}

/// An attempt without a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// Any but complete.
    pub(super) kind: OutcomeKind,
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
            kind: OutcomeKind::Snooze,
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
        let (kind, delay) = match error.decision() {
            Decision::Retry => (OutcomeKind::Retry, policy.delay(attempt)),
            Decision::RetryAfter(delay) => (OutcomeKind::Retry, delay),
            Decision::Snooze(delay) => (OutcomeKind::Snooze, delay),
            Decision::Cancel => (OutcomeKind::Cancel, Duration::ZERO),
            Decision::Fail => (OutcomeKind::Fail, Duration::ZERO),
        };
        let cut = |text: &str| text.chars().take(MESSAGE_MAX_CHARS).collect();
        let (message, chain) = (cut(error.message()), cut(&error.chain()));
        Self::Unfinished(Unfinished { kind, delay, code: error.code().to_owned(), message, chain })
    }

    /// Its kind.
    pub(super) const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Complete(_) => OutcomeKind::Complete,
            Self::Unfinished(unfinished) => unfinished.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Label;

    #[test]
    fn decisions_become_words() {
        let second = Duration::from_secs(1);
        let word = |error: JobError| {
            let Outcome::Unfinished(end) = Outcome::of_error(&error, RetryPolicy::default(), 1) else { panic!() };
            (end.kind.as_str(), end.delay)
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
