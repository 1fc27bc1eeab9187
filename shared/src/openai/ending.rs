//! What a call's end means for the fleet.

use super::{ChatAnswer, OpenAiError, RateHeaders, Usage};
use crate::queue::{CallEnd, Ending};

impl CallEnd<'static> {
    /// What the limiter and the breaker make of an answer, or of none.
    #[must_use]
    pub fn of(outcome: &Result<ChatAnswer, OpenAiError>) -> Self {
        let (ending, reason) = match outcome {
            Ok(_) => (Ending::Ok, ""),
            Err(error) => of_error(error),
        };
        let (tokens, rate) = match outcome {
            Ok(answer) => (Some(of_usage(answer.usage)), answer.rate),
            Err(OpenAiError::CutOff { usage }) => (Some(of_usage(*usage)), RateHeaders::default()),
            Err(OpenAiError::RateLimited { rate, .. }) => (None, *rate),
            Err(_) => (None, RateHeaders::default()),
        };
        Self {
            ending,
            reason,
            tokens,
            limit_requests: rate.requests.limit,
            remaining_requests: rate.requests.remaining,
            limit_tokens: rate.tokens.limit,
        }
    }
}

fn of_usage(usage: Usage) -> (u64, u64) {
    (usage.prompt_tokens.into(), usage.completion_tokens.into())
}

const fn of_error(error: &OpenAiError) -> (Ending, &'static str) {
    match error {
        OpenAiError::NotLetGo { .. } => (Ending::Unsent, ""),
        OpenAiError::RateLimited { retry_after, .. } => (Ending::Limited { retry_after: *retry_after }, ""),
        OpenAiError::QuotaSpent { .. } => (Ending::Blocked, "openai_quota_spent"),
        OpenAiError::Unauthorized | OpenAiError::Forbidden => (Ending::Blocked, "openai_key_rejected"),
        OpenAiError::BadRequest { .. } | OpenAiError::ParameterRefused { .. } | OpenAiError::NotRecorded { .. } => {
            (Ending::Rejected, "")
        }
        OpenAiError::Server { .. } => (Ending::Failed, "openai_failed"),
        OpenAiError::Timeout { .. } => (Ending::Failed, "openai_timeout"),
        OpenAiError::Connection { .. } => (Ending::Failed, "openai_unreachable"),
        // The upstream has answered.
        OpenAiError::Refused { .. }
        | OpenAiError::CutOff { .. }
        | OpenAiError::ContentFilter
        | OpenAiError::Malformed { .. }
        | OpenAiError::TooLarge => (Ending::Ok, ""),
    }
}
