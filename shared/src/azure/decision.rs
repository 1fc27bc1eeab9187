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
