//! Calls that are smaller than configured, since the provider does not accept larger ones.

use serde::{Deserialize, Serialize};

use super::{limits::CallLimits, model::TooLarge};

/// A smaller part of a text is not worth a call.
const CHUNK_TOKENS_MIN: u32 = 100;
/// A smaller answer holds too few cards.
const OUTPUT_TOKENS_MIN: u32 = 800;

/// What a call of this job may have. Kept with the job, so that later attempts cut its text alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SmallerCalls {
    /// Text in one call, in tokens.
    pub(super) chunk_tokens: u32,
    /// Cap of one answer, in tokens.
    pub(super) max_output_tokens: u32,
}

impl SmallerCalls {
    /// The name of its checkpoint.
    pub(super) const NAME: &'static str = "smaller_calls";

    /// Calls of at most half the size of one with `text_tokens` of text, or of what the provider says that it accepts. `None`
    /// where they would be too small.
    pub(super) fn than(limits: CallLimits, text_tokens: u32, too_large: TooLarge) -> Option<Self> {
        let (limit, requested) = too_large.figures.unwrap_or((1, 1));
        // Some room, since the provider counts differently.
        let scale = |tokens: u32| {
            let accepted = u128::from(tokens) * u128::from(limit) * 3 / (u128::from(requested.max(1)) * 4);
            u32::try_from(accepted).unwrap_or(u32::MAX).min(tokens / 2)
        };
        let smaller = Self {
            chunk_tokens: scale(limits.chunk_tokens.min(text_tokens)),
            max_output_tokens: scale(limits.max_output_tokens),
        };
        let enough = smaller.chunk_tokens >= CHUNK_TOKENS_MIN && smaller.max_output_tokens >= OUTPUT_TOKENS_MIN;
        enough.then_some(smaller)
    }

    /// As its checkpoint.
    pub(super) fn record(self) -> String {
        format!("{{\"chunk_tokens\":{},\"max_output_tokens\":{}}}", self.chunk_tokens, self.max_output_tokens)
    }

    pub(super) fn read(record: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(record).ok()?;
        (read.chunk_tokens > 0 && read.max_output_tokens > 0).then_some(read)
    }

    /// The limits of a job's calls with these: never above what is configured.
    pub(super) fn within(self, limits: CallLimits) -> CallLimits {
        CallLimits {
            chunk_tokens: self.chunk_tokens.min(limits.chunk_tokens),
            max_output_tokens: self.max_output_tokens.min(limits.max_output_tokens),
            ..limits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CallLimits =
        CallLimits { chunk_tokens: 3_000, max_output_tokens: 4_096, tokens_per_minute: 0, reasoning: Some(0) };

    fn than(text: u32, figures: Option<(u64, u64)>) -> Option<(u32, u32)> {
        let smaller = SmallerCalls::than(LIMITS, text, TooLarge { figures })?;
        assert_eq!(SmallerCalls::read(&smaller.record()), Some(smaller));
        Some((smaller.chunk_tokens, smaller.max_output_tokens))
    }

    #[test]
    fn calls_shrink_to_what_is_accepted_and_at_least_by_half() {
        assert_eq!(than(2_000, None), Some((1_000, 2_048)));
        assert_eq!(than(9_000, Some((30_000, 31_034))), Some((1_500, 2_048)));
        assert_eq!(than(3_000, Some((3_000, 9_000))), Some((750, 1_024)));
    }

    #[test]
    fn a_call_that_can_not_be_smaller_is_not_made_again() {
        assert_eq!(than(150, None), None, "little text");
        assert_eq!(than(3_000, Some((3_000, 30_000))), None, "an answer that holds no set of cards");
        assert_eq!(than(3_000, Some((0, 0))), None);
        assert_eq!(SmallerCalls::read("{}").or(SmallerCalls::read("x")), None);
    }
}
