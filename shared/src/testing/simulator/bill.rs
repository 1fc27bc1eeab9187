//! What the provider charges.

use serde::{Deserialize, Serialize};

/// Picodollars in a dollar: a token at a micro-dollar per million costs one.
const PICO: f64 = 1e12;

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    input: u64,
    cached: u64,
    cache_write: u64,
    output: u64,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Use {
    /// All of the prompt.
    pub(super) prompt: u32,
    /// Those of it that were read from the cache.
    pub(super) cached: u32,
    /// Those of it that were written into the cache.
    pub(super) cache_write: u32,
    /// All of the output.
    pub(super) completion: u32,
    /// Those of it that are thoughts.
    pub(super) reasoning: u32,
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    picodollars: u128,
}

/// What all calls since the log was cleared cost, by the provider's own prices.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bill {
    /// Calls that were charged for.
    pub calls: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Those that were read from the cache.
    pub cached_tokens: u64,
    /// Those that were written into the cache.
    pub cache_write_tokens: u64,
    /// Tokens of their answers, thoughts included.
    pub completion_tokens: u64,
    /// US dollars.
    pub usd: f64,
}

impl Price {
    pub(super) const FREE: Self = Self::new(0, 0, 0, 0);

    pub(super) const fn new(input: u64, cached: u64, cache_write: u64, output: u64) -> Self {
        Self { input, cached, cache_write, output }
    }
}

impl Charge {
    /// The cost of `used` in the tier that served the call: flex is half the price, priority twice.
    pub(super) fn new(price: Price, used: &Use, tier: Option<&str>) -> Self {
        let of = |tokens: u32, price: u64| u128::from(tokens) * u128::from(price);
        let plain = used.prompt.saturating_sub(used.cached).saturating_sub(used.cache_write);
        let full = of(plain, price.input)
            + of(used.cached, price.cached)
            + of(used.cache_write, price.cache_write)
            + of(used.completion, price.output);
        let picodollars = match tier {
            Some("flex") => full / 2,
            Some("priority") => full * 2,
            _ => full,
        };
        Self { picodollars }
    }

    pub(super) fn usd(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 picodollars a call")]
        let picodollars = self.picodollars as f64;
        picodollars / PICO
    }
}

impl Bill {
    pub(super) fn add(&mut self, used: &Use, charge: Charge) {
        self.calls += 1;
        self.prompt_tokens += u64::from(used.prompt);
        self.cached_tokens += u64::from(used.cached);
        self.cache_write_tokens += u64::from(used.cache_write);
        self.completion_tokens += u64::from(used.completion);
        self.usd += charge.usd();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_token_has_its_price() {
        let price = Price::new(100_000, 10_000, 125_000, 500_000);
        let used =
            Use { prompt: 3_000_000, cached: 1_000_000, cache_write: 1_000_000, completion: 1_000_000, reasoning: 9 };
        let cost = |tier| Charge::new(price, &used, tier).usd();
        assert!((cost(None) - 0.735).abs() < 1e-9, "{}", cost(None));
        assert!((cost(Some("flex")) - 0.3675).abs() < 1e-9);
        assert!((cost(Some("priority")) - 1.47).abs() < 1e-9);
        let mut bill = Bill::default();
        bill.add(&used, Charge::new(price, &used, None));
        assert_eq!((bill.calls, bill.cached_tokens, bill.completion_tokens), (1, 1_000_000, 1_000_000));
    }
}
