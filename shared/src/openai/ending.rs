//! What a call's end means for the fleet.

use super::{ChatAnswer, OpenAiError, RateHeaders, Usage};
use crate::{
    budget::Billing,
    queue::{CallEnd, Ending},
};

impl CallEnd<'static> {
    /// What the limiter and the breaker make of an answer, or of none.
    #[must_use]
    pub fn of(outcome: &Result<ChatAnswer, OpenAiError>) -> Self {
        let mut assumed = false;
        let ((ending, reason), usage, rate) = match outcome {
            Ok(answer) => ((Ending::Ok, ""), Some(answer.usage), answer.rate),
            Err(error) => {
                let (error, usage) = error.parts();
                assumed = matches!(error, OpenAiError::Timeout { .. });
                let rate = match error {
                    OpenAiError::RateLimited { rate, .. } => *rate,
                    _ => RateHeaders::default(),
                };
                (of_error(error), usage, rate)
            }
        };
        let tokens = usage.map(of_usage);
        Self {
            ending,
            reason,
            tokens,
            billing: usage.map_or(Billing::NONE, |usage| usage.billing()),
            assumed,
            limit_requests: rate.requests.limit,
            remaining_requests: rate.requests.remaining,
            limit_tokens: rate.tokens.limit,
        }
    }
}

fn of_usage(usage: Usage) -> (u64, u64) {
    (usage.prompt_tokens.into(), usage.completion_tokens.into())
}

fn of_error(error: &OpenAiError) -> (Ending, &'static str) {
    match error {
        OpenAiError::Charged { source, .. } => of_error(source),
        OpenAiError::NotLetGo { .. } => (Ending::Unsent, ""),
        OpenAiError::RateLimited { retry_after, plain, .. } => {
            (Ending::Limited { retry_after: *retry_after, plain: *plain }, "")
        }
        OpenAiError::RequestTooLarge { .. } | OpenAiError::Moderated | OpenAiError::RefusedRequest { .. } => {
            (Ending::Own, "")
        }
        OpenAiError::Denied { status: 402 } => (Ending::Doubted, "openai_quota_spent"),
        OpenAiError::Denied { .. } => (Ending::Doubted, "openai_key_rejected"),
        OpenAiError::PauseAsked { retry_after, .. } => (Ending::Paused { retry_after: *retry_after }, ""),
        OpenAiError::QuotaSpent { .. } => (Ending::Blocked, "openai_quota_spent"),
        OpenAiError::Misconfigured(shown) => (Ending::Blocked, shown.fault.code()),
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
