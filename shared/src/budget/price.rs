//! What the tokens of a model cost.

use std::{collections::BTreeMap, str::FromStr};

use super::{Usd, UsdError};

/// Tokens that a price is for.
const PRICED_TOKENS: u128 = 1_000_000;

/// The cost of a million tokens of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    prompt: Usd,
    completion: Usd,
}

/// The prices of the models, as `OPENAI_PRICES` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices(BTreeMap<String, Price>);

/// A list of prices that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not of the form `model=prompt/completion`.
    #[error("`{0}` is not of the form model=prompt/completion, in USD per million tokens")]
    Form(String),
    /// A price is not an amount of money.
    #[error("the price of {model}: {error}")]
    Amount {
        /// Whose price.
        model: String,
        /// What is wrong with it.
        error: UsdError,
    },
    /// The model is there already.
    #[error("{0} is there twice")]
    Twice(String),
}

impl Prices {
    /// The cost of a call in micro-dollars, rounded up; 0 for a model without a price.
    #[must_use]
    pub fn cost_micros(&self, model: &str, prompt_tokens: u64, completion_tokens: u64) -> u64 {
        let Some(price) = self.0.get(model) else { return 0 };
        let part = |price: Usd, tokens: u64| u128::from(price.micros()) * u128::from(tokens);
        let cost = part(price.prompt, prompt_tokens).saturating_add(part(price.completion, completion_tokens));
        let micros = u64::try_from(cost.div_ceil(PRICED_TOKENS)).unwrap_or(u64::MAX);
        micros.min(Usd::MAX.micros())
    }

    /// Says so where a model has no price: limits of money do not bind its calls. For the start of a process.
    pub fn warn_unless_priced(&self, model: &str) {
        if !self.0.contains_key(model) {
            tracing::warn!(openai.model = model, "OPENAI_PRICES does not list the model: its calls count as free");
        }
    }
}

impl FromStr for Prices {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut prices = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (model, price) = read(entry)?;
            if prices.insert(model.to_owned(), price).is_some() {
                return Err(PriceError::Twice(model.to_owned()));
            }
        }
        Ok(Self(prices))
    }
}

fn read(entry: &str) -> Result<(&str, Price), PriceError> {
    let form = || PriceError::Form(entry.to_owned());
    let (model, price) = entry.split_once('=').ok_or_else(form)?;
    let (prompt, completion) = price.split_once('/').ok_or_else(form)?;
    let model = model.trim();
    if model.is_empty() {
        return Err(form());
    }
    let amount =
        |text: &str| text.trim().parse().map_err(|error| PriceError::Amount { model: model.to_owned(), error });
    Ok((model, Price { prompt: amount(prompt)?, completion: amount(completion)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_what_its_tokens_cost_rounded_up() {
        let prices: Prices = "mini=0.15/0.60, ft:mini:team/x=2.5/10, free=0/0".parse().unwrap();
        for (model, prompt, completion, micros) in [
            ("mini", 1_000_000, 1_000_000, 750_000),
            ("mini", 1_000, 500, 450),
            ("mini", 1, 0, 1),
            ("mini", 7, 1, 2),
            ("mini", 20, 5, 6),
            ("mini", 0, 0, 0),
            ("ft:mini:team/x", 3, 2, 28),
            ("free", 9_000, 9_000, 0),
            ("mini-2024-07-18", 9_000, 9_000, 0),
            ("mini", u64::MAX, u64::MAX, Usd::MAX.micros()),
        ] {
            assert_eq!(prices.cost_micros(model, prompt, completion), micros, "{model} {prompt} {completion}");
        }
    }

    #[test]
    fn a_list_may_be_empty() {
        for text in ["", " ", ","] {
            assert_eq!(text.parse(), Ok(Prices::default()));
        }
    }

    #[test]
    fn a_list_that_can_not_be_read_says_where() {
        for (text, message) in [
            ("mini", "`mini` is not of the form"),
            ("a=1/2,mini=1", "`mini=1` is not of the form"),
            ("=1/2", "`=1/2` is not of the form"),
            ("a=1/2,a=1/3", "a is there twice"),
            ("mini=1/two", "the price of mini: `two` is not an amount in USD"),
            ("mini=1/2/3", "the price of mini: `2/3` is not an amount in USD"),
            ("mini=-1/2", "the price of mini: `-1` is not an amount in USD"),
        ] {
            let error = text.parse::<Prices>().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
