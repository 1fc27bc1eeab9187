//! Numbers that bound a job: what the app expects and what the operator allows.

use shared::{config::OpenAiConfig, openai::reasoning_tokens};

use super::{answer_size::usual_answer_tokens, prompt};

/// Fewest cards of a job.
pub(super) const CARDS_MIN: usize = 10;
/// Most cards of a job.
pub(super) const CARDS_MAX: usize = 40;
/// Fewest topics where the model finds them.
pub(super) const TOPICS_MIN: usize = 3;
/// Most topics where the model finds them.
pub(super) const TOPICS_MAX: usize = 8;
/// Most cards that a short text is asked for.
const USUAL_CARDS: usize = 12;
/// Fewest cards of a topic that the model found.
pub(super) const TOPIC_CARDS_MIN: usize = 5;

/// What the operator allows a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Text in one call, in tokens.
    pub chunk_tokens: u32,
    /// Cap of one answer, in tokens.
    pub max_output_tokens: u32,
    /// Tokens per minute of the whole fleet; 0 for no limit.
    pub tokens_per_minute: u32,
    /// Tokens that the model thinks before it answers; `None` where nobody knows how many.
    pub reasoning: Option<u32>,
}

impl CallLimits {
    /// The same with at most this many output tokens.
    pub(super) fn within(self, max_output_tokens: u32) -> Self {
        Self { max_output_tokens: self.max_output_tokens.min(max_output_tokens), ..self }
    }

    /// Tokens that a job's first call takes beside its part of the text.
    #[must_use]
    pub fn call_tokens_beside_text(self) -> u32 {
        prompt::call_tokens_beside_text(self.cap(usual_answer_tokens(USUAL_CARDS)))
    }

    /// The cap of an answer that needs so many tokens beside the model's thoughts.
    pub(super) fn cap(self, answer: u32) -> u32 {
        let needed = self.reasoning.map_or(u32::MAX, |thoughts| thoughts.saturating_add(answer));
        needed.min(self.max_output_tokens)
    }
}

impl From<&OpenAiConfig> for CallLimits {
    fn from(config: &OpenAiConfig) -> Self {
        Self {
            chunk_tokens: config.call.openai_chunk_tokens,
            max_output_tokens: config.call.openai_max_output_tokens,
            tokens_per_minute: config.openai_rate_limit_tpm,
            reasoning: reasoning_tokens(config),
        }
    }
}
