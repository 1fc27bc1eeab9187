//! What a call's end means for the fleet.

use super::{AzureError, Heard};
use crate::{
    budget::Billing,
    queue::{CallEnd, Ending},
};

/// What the limiter and the breaker make of an answer, or of none.
pub(super) const fn end_of(outcome: &Result<Heard, AzureError>) -> CallEnd<'static> {
    let (ending, reason) = match outcome {
        Ok(_) => (Ending::Ok, ""),
        Err(error) => of_error(error),
    };
    CallEnd {
        ending,
        reason,
        tokens: None,
        billing: Billing::NONE,
        assumed: false,
        limit_requests: None,
        remaining_requests: None,
        limit_tokens: None,
    }
}

const fn of_error(error: &AzureError) -> (Ending, &'static str) {
    match error {
        AzureError::NotLetGo { .. } | AzureError::NotSent => (Ending::Unsent, ""),
        AzureError::RateLimited { retry_after } => {
            // Azure counts calls at once: which of them it refuses says nothing about that one.
            (Ending::Limited { retry_after: *retry_after, plain: true }, "")
        }
        AzureError::KeyRejected { .. } => (Ending::Blocked, "azure_key_rejected"),
        AzureError::Rejected { .. } => (Ending::Rejected, ""),
        AzureError::Server { .. } => (Ending::Failed, "azure_failed"),
        AzureError::Timeout { .. } => (Ending::Failed, "azure_timeout"),
        AzureError::Connection { .. } => (Ending::Failed, "azure_unreachable"),
        AzureError::RecognitionFailed => (Ending::Failed, "azure_recognition_failed"),
        // The service has answered.
        AzureError::Malformed { .. } => (Ending::Ok, ""),
    }
}
