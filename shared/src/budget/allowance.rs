//! What a job may come to, reckoned before it is accepted.

use super::{Limits, Prices};

/// Tokens of the instructions in each call.
const INSTRUCTION_TOKENS: u64 = 1_500;
/// Cards of a short text, for so many tokens of text one more, and most cards of a job.
const CARDS: u64 = 17;
const TEXT_TOKENS_PER_CARD: u64 = 150;
const CARDS_MAX: u64 = 40;
/// Tokens of a card, generously.
const CARD_TOKENS: u64 = 200;

/// What is needed to reckon with a job.
#[derive(Debug, Clone, Default)]
pub struct Allowance {
    /// The configured limits.
    pub limits: Limits,
    /// What tokens cost.
    pub prices: Prices,
    /// The model that will be called.
    pub model: String,
    /// One call's share of a long text, in tokens.
    pub chunk_tokens: u32,
    /// Cap of one answer, in tokens.
    pub max_output_tokens: u32,
}

/// What a job may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hold {
    /// Tokens.
    pub tokens: u64,
    /// Micro-dollars.
    pub micros: u64,
}

impl Allowance {
    /// The hold for a job that sends `text_tokens`: one call for each part of its text, and as many cards as it may
    /// be asked for. Jobs that send nothing hold nothing. Repairs and retries can come to more: what was really used is what counts in the end.
    #[must_use]
    pub fn hold(&self, text_tokens: u32) -> Hold {
        if text_tokens == 0 {
            return Hold::default();
        }
        let calls = u64::from(text_tokens.div_ceil(self.chunk_tokens.max(1)));
        let prompt = u64::from(text_tokens) + calls * INSTRUCTION_TOKENS;
        let cards = (CARDS + u64::from(text_tokens) / TEXT_TOKENS_PER_CARD).min(CARDS_MAX);
        let answer = (cards * CARD_TOKENS).min(calls * u64::from(self.max_output_tokens));
        Hold { tokens: prompt + answer, micros: self.prices.cost_micros(&self.model, prompt, answer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_covers_a_call_for_each_part() {
        let allowance = Allowance {
            prices: "m=1/10".parse().unwrap(),
            model: "m".to_owned(),
            chunk_tokens: 1_000,
            max_output_tokens: 500,
            ..Allowance::default()
        };
        assert_eq!(allowance.hold(0), Hold::default());
        assert_eq!(allowance.hold(1), Hold { tokens: 1 + 1_500 + 500, micros: 1_501 + 5_000 });
        assert_eq!(allowance.hold(2_500).tokens, 2_500 + 3 * 2_000);
        let generous = Allowance { max_output_tokens: 4_096, ..allowance };
        assert_eq!(generous.hold(1).tokens, 1 + 1_500 + 17 * 200);
        assert_eq!(generous.hold(2_500).tokens, 2_500 + 3 * 1_500 + 33 * 200);
    }
}
