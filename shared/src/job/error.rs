//! How a handler says what should become of a job that did not end well.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

/// What becomes of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Again after the policy's backoff; uses an attempt.
    Retry,
    /// Again, but not before this long; uses an attempt.
    RetryAfter(Duration),
    /// Again after this long, by choice: uses no attempt.
    Snooze(Duration),
    /// Ended by request.
    Cancel,
    /// Ended for good at once: no attempt would help.
    Fail,
}

/// Why a job did not end well, and what becomes of it.
///
/// `message` is shown to the learner and kept in the dead letter: it holds no secret and none of the learner's text.
#[derive(Debug)]
pub struct JobError {
    decision: Decision,
    code: Cow<'static, str>,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl JobError {
    fn new(decision: Decision, code: &'static str, message: impl Into<String>) -> Self {
        Self { decision, code: Cow::Borrowed(code), message: message.into(), source: None }
    }

    /// Again after the policy's backoff.
    #[must_use]
    pub fn retry(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Decision::Retry, code, message)
    }

    /// Again, but not before `delay`.
    #[must_use]
    pub fn retry_after(delay: Duration, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Decision::RetryAfter(delay), code, message)
    }

    /// Again after `delay`, without using an attempt.
    #[must_use]
    pub fn snooze(delay: Duration, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Decision::Snooze(delay), code, message)
    }

    /// Ended by request.
    #[must_use]
    pub fn cancel(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Decision::Cancel, code, message)
    }

    /// Ended for good.
    #[must_use]
    pub fn fail(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Decision::Fail, code, message)
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What becomes of the job.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// The stable code, in `snake_case`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The error and what caused it, for a log line of any format.
    #[must_use]
    pub fn chain(&self) -> String {
        let (mut chain, mut cause) = (self.to_string(), self.source());
        while let Some(error) = cause {
            chain = format!("{chain}: {error}");
            cause = error.source();
        }
        chain
    }

    /// What a person reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
