//! What can go wrong with a call.

use std::time::Duration;

use crate::job::JobError;

/// Why a call has no answer that can be used. None of it holds the key, the text, or anything of the recording, nor any of
/// the service's own words, which may quote the text.
#[derive(Debug, thiserror::Error)]
pub enum AzureError {
    /// The call was not let go: nothing was sent.
    #[error("the call was not let go")]
    NotLetGo {
        /// What becomes of the job.
        #[source]
        source: JobError,
    },
    /// Too many calls at once; later it will work. It comes below the quota too, while the service scales up.
    #[error("the speech service's limit was hit")]
    RateLimited {
        /// How long the service asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The key is missing, wrong, or not for this: no call will work until a person sees to it.
    #[error("the speech service rejects the key with status {status}")]
    KeyRejected {
        /// The HTTP status.
        status: u16,
    },
    /// The service can't do anything with this recording or this text, now or later.
    #[error("the speech service rejected the recording with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The service failed, is overloaded, or is not what is at this address.
    #[error("the speech service failed with status {status}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// How long the service asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("the speech service did not answer in time")]
    Timeout {
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
    /// The connection could not be made, or broke.
    #[error("the connection to the speech service failed")]
    Connection {
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
    /// The request can't be put into HTTP.
    #[error("the request could not be made")]
    NotSent,
    /// The service says by its answer that recognition failed.
    #[error("the speech service could not recognize anything because of an error of its own")]
    RecognitionFailed,
    /// The call went well, and what came back is no assessment.
    #[error("the answer is malformed: {what}")]
    Malformed {
        /// What is wrong with it; nothing of its content.
        what: &'static str,
    },
}

impl From<reqwest::Error> for AzureError {
    fn from(error: reqwest::Error) -> Self {
        let source = error.without_url();
        // A connection that took too long to be made is both; nothing was asked over it.
        if source.is_timeout() && !source.is_connect() { Self::Timeout { source } } else { Self::Connection { source } }
    }
}
