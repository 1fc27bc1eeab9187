//! What can go wrong with a call.

use std::time::Duration;

use super::{Misconfiguration, RateHeaders, Usage};
use crate::{job::JobError, redis::UnavailableError};

/// Why a call has no answer that can be used. None of it holds the prompt or the key, and its text, which is logged, none of
/// the upstream's own words either: they may quote a learner's.
///
/// <https://platform.openai.com/docs/guides/error-codes/api-errors>
#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    /// Too many requests or tokens; later it will work.
    #[error("the provider's rate limit was hit")]
    RateLimited {
        /// How long the provider asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// The provider's view of its limits.
        rate: RateHeaders,
        /// Whether the answer says in figures that it is the limit, and not this request.
        plain: bool,
    },
    /// This request is larger than the provider would ever accept.
    #[error("the request is larger than the provider accepts{}", limit.map(|limit| format!(" ({limit} tokens)")).unwrap_or_default())]
    RequestTooLarge {
        /// The provider's limit in tokens, where it gives one.
        limit: Option<u64>,
        /// The size of the request as the provider counted it, in tokens.
        requested: Option<u64>,
    },
    /// The provider's moderation refuses this text.
    #[error("the provider's moderation refused the request")]
    Moderated,
    /// The provider refuses the call and does not say whether that is about the account or about this request.
    #[error("the provider refused the call with status {status} and did not say why")]
    Denied {
        /// The HTTP status.
        status: u16,
    },
    /// The provider asks for a pause for another reason than its rate limit.
    #[error("the provider asked for a pause with status {status}")]
    PauseAsked {
        /// The HTTP status.
        status: u16,
        /// How long.
        retry_after: Duration,
    },
    /// Denied again and again, or while others are answered: it is about this request.
    #[error("the provider refuses this request")]
    RefusedRequest {
        /// What it answered.
        #[source]
        source: Box<OpenAiError>,
    },
    /// The call was not let go: nothing was sent.
    #[error("the call was not let go")]
    NotLetGo {
        /// What becomes of the job.
        #[source]
        source: JobError,
    },
    /// The account has no money or allowance left: no call will work until a person sees to it.
    #[error("the provider's account is out of quota ({code})")]
    QuotaSpent {
        /// The provider's code.
        code: String,
    },
    /// A setting is wrong: no call will work until a person corrects it.
    #[error("{0}")]
    Misconfigured(Box<Misconfiguration>),
    /// The provider can't do anything with the request, now or later.
    #[error("the provider rejected the request ({})", code.as_deref().unwrap_or("no code"))]
    BadRequest {
        /// The provider's code.
        code: Option<String>,
        /// The provider's words, shortened.
        message: String,
    },
    /// The provider refused a parameter, and the next call goes without it or with another value.
    #[error("the provider refused the parameter {parameter}")]
    ParameterRefused {
        /// Its name.
        parameter: &'static str,
        /// The output tokens that this job alone may ask for, where the refusal depends on its text.
        max_output_tokens: Option<u32>,
    },
    /// The provider refused a parameter, and that could not be recorded.
    #[error("a refused parameter could not be recorded")]
    NotRecorded {
        /// What Redis said.
        #[source]
        source: UnavailableError,
    },
    /// The provider failed, or is overloaded.
    #[error("the provider failed with status {status}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// How long the provider asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// No answer in time. The call may have been carried out, and paid for.
    #[error("the provider did not answer in time")]
    Timeout {
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
    /// The connection could not be made, or broke.
    #[error("the connection to the provider failed")]
    Connection {
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
    /// The model declined.
    #[error("the model refused")]
    Refused {
        /// The model's words, shortened.
        reason: String,
    },
    /// The answer did not fit its cap of tokens.
    #[error("the answer was cut off at its token limit")]
    CutOff {
        /// What it cost all the same.
        usage: Usage,
        /// Whether the model's thoughts took the room, and not the answer.
        thoughts: bool,
    },
    /// The provider's filter held the answer back.
    #[error("the provider's content filter held the answer back")]
    ContentFilter,
    /// The call went well, and what came back is not a chat completion.
    #[error("the answer is malformed: {what}")]
    Malformed {
        /// What is wrong with it; nothing of its content.
        what: &'static str,
    },
    /// The answer is larger than we are willing to hold.
    #[error("the answer is too large")]
    TooLarge,
    /// Another of these errors, in an answer that was paid for.
    #[error("{source}")]
    Charged {
        /// The error.
        source: Box<OpenAiError>,
        /// What it cost all the same.
        usage: Usage,
    },
}

impl OpenAiError {
    /// The same error with what its answer cost, where that is known.
    pub(super) fn charged(self, usage: Option<Usage>) -> Self {
        match usage {
            Some(usage) => Self::Charged { source: Box::new(self), usage },
            None => self,
        }
    }

    /// The same error with the provider's id of the request, where operators are told of it.
    pub(super) fn of_request(mut self, request_id: &str) -> Self {
        match &mut self {
            Self::Misconfigured(shown) => request_id.clone_into(&mut shown.request_id),
            Self::Charged { source, .. } => {
                if let Self::Misconfigured(shown) = &mut **source {
                    request_id.clone_into(&mut shown.request_id);
                }
            }
            _ => {}
        }
        self
    }

    /// The error itself, whatever it cost.
    #[must_use]
    pub const fn cause(&self) -> &Self {
        self.parts().0
    }

    /// The error itself, and what it cost, where that is known.
    pub(super) const fn parts(&self) -> (&Self, Option<Usage>) {
        match self {
            Self::Charged { source, usage } => (source, Some(*usage)),
            Self::CutOff { usage, .. } => (self, Some(*usage)),
            error => (error, None),
        }
    }

    /// The job code of a fault of the settings.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self.cause() {
            Self::Misconfigured(shown) => Some(shown.fault.code()),
            _ => None,
        }
    }

    /// Tokens that were paid for although there is no answer that can be used, as far as they are
    /// known: what a timeout may have cost is not.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        match self.parts() {
            (Self::Timeout { .. }, _) | (_, None) => 0,
            (_, Some(usage)) => usage.total_tokens.into(),
        }
    }
}

impl From<reqwest::Error> for OpenAiError {
    fn from(error: reqwest::Error) -> Self {
        let source = error.without_url();
        // A connection that took too long to be made is both; nothing was asked over it.
        if source.is_timeout() && !source.is_connect() { Self::Timeout { source } } else { Self::Connection { source } }
    }
}
