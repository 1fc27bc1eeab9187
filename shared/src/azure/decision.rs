//! What becomes of a job whose call went wrong.

use std::time::Duration;

use super::AzureError;
use crate::job::JobError;

const UNAVAILABLE: &str = "The speech service could not be reached.";

impl From<AzureError> for JobError {
    /// What is the account's or the limit's fault costs the job no attempt; what only another recording could change ends it.
    fn from(error: AzureError) -> Self {
        let error = match error {
            AzureError::NotLetGo { source } => return source,
            error => error,
        };
        let decision = match &error {
            // The first has been returned above.
            AzureError::NotLetGo { .. } | AzureError::RateLimited { .. } => Self::snooze(
                Duration::ZERO,
                "azure_rate_limited",
                "The speech service is busy. Your recording waits and goes on by itself.",
            ),
            AzureError::KeyRejected { .. } => {
                tracing::error!(
                    reason = %error,
                    "Azure Speech rejects our key: every assessment waits until AZURE_SPEECH_KEY is right"
                );
                Self::snooze(
                    Duration::ZERO,
                    "azure_key_rejected",
                    "The speech service is not available at the moment. Your recording waits and goes on by itself.",
                )
            }
            AzureError::Rejected { .. } | AzureError::NotSent => {
                Self::fail("audio_rejected", "The speech service could not work with this recording or its text.")
            }
            AzureError::Server { retry_after: Some(wait), .. } => {
                Self::retry_after(*wait, "azure_unavailable", UNAVAILABLE)
            }
            AzureError::Server { .. } | AzureError::Connection { .. } => Self::retry("azure_unavailable", UNAVAILABLE),
            AzureError::Timeout { .. } => Self::retry("azure_timeout", "The speech service took too long to answer."),
            AzureError::RecognitionFailed => {
                Self::retry("azure_recognition_failed", "The speech service failed on this recording.")
            }
            AzureError::Malformed { .. } => {
                Self::retry("azure_malformed_answer", "The speech service gave an answer that could not be read.")
            }
        };
        decision.with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::{Heard, NoSpeech, ending::end_of},
        job::Decision,
        queue::Ending,
    };

    const LATER: Option<Duration> = Some(Duration::from_secs(9));

    #[test]
    fn every_outcome_has_its_decision_and_its_ending() {
        let snooze = Decision::Snooze(Duration::ZERO);
        let after = Decision::RetryAfter(Duration::from_secs(9));
        for (error, decision, code, ending) in [
            (
                AzureError::RateLimited { retry_after: LATER },
                snooze,
                "azure_rate_limited",
                Ending::Limited { retry_after: LATER, plain: true },
            ),
            (AzureError::KeyRejected { status: 401 }, snooze, "azure_key_rejected", Ending::Blocked),
            (AzureError::KeyRejected { status: 403 }, snooze, "azure_key_rejected", Ending::Blocked),
            (AzureError::Rejected { status: 400 }, Decision::Fail, "audio_rejected", Ending::Rejected),
            (AzureError::NotSent, Decision::Fail, "audio_rejected", Ending::Unsent),
            (
                AzureError::Server { status: 500, retry_after: None },
                Decision::Retry,
                "azure_unavailable",
                Ending::Failed,
            ),
            (AzureError::Server { status: 503, retry_after: LATER }, after, "azure_unavailable", Ending::Failed),
            (AzureError::RecognitionFailed, Decision::Retry, "azure_recognition_failed", Ending::Failed),
            (AzureError::Malformed { what: "x" }, Decision::Retry, "azure_malformed_answer", Ending::Ok),
        ] {
            let outcome: Result<Heard, AzureError> = Err(error);
            assert_eq!(end_of(&outcome).ending, ending, "{code}");
            let Err(error) = outcome.map_err(JobError::from) else { panic!("{code}") };
            assert_eq!((error.decision(), error.code()), (decision, code));
            assert!(std::error::Error::source(&error).is_some(), "{error} has lost its cause");
        }
        let waiting = JobError::snooze(Duration::ZERO, "awaiting_permit", "It waits");
        assert_eq!(JobError::from(AzureError::NotLetGo { source: waiting }).code(), "awaiting_permit");
        assert_eq!(end_of(&Ok(Heard::NoSpeech { why: NoSpeech::NoMatch })).ending, Ending::Ok);
    }
}
