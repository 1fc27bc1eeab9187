//! What the tokens of a model cost.

use std::{collections::BTreeMap, str::FromStr};

use super::{Billing, ServiceTier, Usd, UsdError};

/// Tokens that a price is for.
const PRICED_TOKENS: u128 = 1_000_000;

/// The cost of a million tokens of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    input: Usd,
    /// Input that is read from the provider's cache.
    cached: Usd,
    /// Input that is written into it.
    cache_write: Usd,
    output: Usd,
}

/// The prices of the models, as `OPENAI_PRICES` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices(BTreeMap<String, Price>);

/// A list of prices that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Neither two nor four prices.
    #[error(
        "`{0}` is not of the form model=input/output or model=input/cached/cache write/output, in USD per million tokens"
    )]
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
        self.billed_micros(model, (prompt_tokens, completion_tokens), &Billing::NONE)
    }

    /// The cost of a call with `tokens` of prompt and answer in micro-dollars, rounded up: what the
    /// provider says that it cost, else by the prices of its kinds of tokens and of its tier; 0 for a
    /// model without a price.
    #[must_use]
    pub fn billed_micros(&self, model: &str, (prompt, completion): (u64, u64), billing: &Billing) -> u64 {
        let micros = billing.cost_micros.or_else(|| {
            let price = self.of(model)?;
            let cached = billing.cached_tokens.min(prompt);
            let written = billing.cache_write_tokens.min(prompt - cached);
            let part = |price: Usd, tokens: u64| u128::from(price.micros()) * u128::from(tokens);
            let cost = part(price.input, prompt - cached - written)
                .saturating_add(part(price.cached, cached))
                .saturating_add(part(price.cache_write, written))
                .saturating_add(part(price.output, completion));
            let (times, parts) = match billing.tier {
                ServiceTier::Standard => (1, 1),
                ServiceTier::Flex => (1, 2),
                ServiceTier::Priority => (2, 1),
            };
            let micros = cost.saturating_mul(times).div_ceil(PRICED_TOKENS * parts);
            Some(u64::try_from(micros).unwrap_or(u64::MAX))
        });
        micros.unwrap_or(0).min(Usd::MAX.micros())
    }

    /// Whether the model has a price, which may be 0.
    #[must_use]
    pub fn has(&self, model: &str) -> bool {
        self.of(model).is_some()
    }

    /// The price of a model. A dated snapshot (`gpt-4o-mini-2024-07-18`) costs what its model costs,
    /// and a gateway's name (`openai/gpt-4o-mini`) what its last segment costs, unless they are listed.
    fn of(&self, model: &str) -> Option<&Price> {
        let listed = |name: &str| self.0.get(name).or_else(|| self.0.get(undated(name)?));
        listed(model).or_else(|| {
            // A fine-tuned model has a price of its own, and its name may have any segments.
            let (_, last) = model.rsplit_once('/').filter(|_| !model.starts_with("ft:"))?;
            listed(last)
        })
    }

    /// Says so where a model has no price: limits of money do not bind its calls. For the start of a process.
    pub fn warn_unless_priced(&self, model: &str) {
        if !self.has(model) {
            tracing::warn!(openai.model = model, "OPENAI_PRICES does not list the model: its calls count as free");
        }
    }
}

/// The model of a snapshot: its name without `-YYYY-MM-DD`.
fn undated(name: &str) -> Option<&str> {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, day) = name.rsplit_once('-')?;
    let (rest, month) = rest.rsplit_once('-')?;
    let (model, year) = rest.rsplit_once('-')?;
    (digits(year, 4) && digits(month, 2) && digits(day, 2)).then_some(model)
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
    let (model, prices) = entry.split_once('=').ok_or_else(form)?;
    let model = model.trim();
    if model.is_empty() {
        return Err(form());
    }
    let amount =
        |text: &str| text.trim().parse().map_err(|error| PriceError::Amount { model: model.to_owned(), error });
    let parts: Vec<&str> = prices.split('/').collect();
    let price = match parts[..] {
        [input, output] => {
            let input = amount(input)?;
            Price { input, cached: input, cache_write: dearer(input), output: amount(output)? }
        }
        [input, cached, cache_write, output] => Price {
            input: amount(input)?,
            cached: amount(cached)?,
            cache_write: amount(cache_write)?,
            output: amount(output)?,
        },
        _ => return Err(form()),
    };
    Ok((model, price))
}

/// What cache writes cost where no price says so: 1.25 times the input, as with OpenAI's models that
/// charge for them. <https://platform.openai.com/docs/guides/prompt-caching>
const fn dearer(input: Usd) -> Usd {
    Usd::from_micros((input.micros() * 5).div_ceil(4))
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
            ("unknown", 9_000, 9_000, 0),
            ("mini", u64::MAX, u64::MAX, Usd::MAX.micros()),
        ] {
            assert_eq!(prices.cost_micros(model, prompt, completion), micros, "{model} {prompt} {completion}");
        }
    }

    #[test]
    fn each_kind_of_token_and_each_tier_has_its_price() {
        let prices: Prices = "four=0.10/0.01/0.125/0.50, two=0.10/0.50".parse().unwrap();
        let million = 1_000_000;
        let part = Billing { cached_tokens: million, cache_write_tokens: million, ..Billing::NONE };
        let cost = |model, billing| prices.billed_micros(model, (3 * million, million), &billing);
        assert_eq!(cost("four", part), 100_000 + 10_000 + 125_000 + 500_000);
        // Where two prices are given, cached input is not cheaper, and a write costs 1.25 times the input.
        assert_eq!(cost("two", part), 100_000 + 100_000 + 125_000 + 500_000);
        assert_eq!(cost("four", Billing { tier: ServiceTier::Flex, ..part }), 367_500);
        assert_eq!(cost("four", Billing { tier: ServiceTier::Priority, ..part }), 1_470_000);
        // More than there is of the prompt.
        let all = Billing { cached_tokens: 9 * million, cache_write_tokens: 9 * million, ..Billing::NONE };
        assert_eq!(cost("four", all), 30_000 + 500_000);
        // What the provider says counts, with a price and without one.
        let told = Billing { cost_micros: Some(7), tier: ServiceTier::Priority, ..part };
        assert_eq!((cost("four", told), cost("unknown", told)), (7, 7));
        let most = Billing { cost_micros: Some(u64::MAX), ..part };
        assert_eq!(cost("four", most), Usd::MAX.micros());
    }

    #[test]
    fn snapshots_and_names_at_gateways_cost_what_their_model_costs() {
        let prices: Prices =
            "mini=1/1, mini-2025-01-01=2/2, gate/mini=3/3, dated-2024-07-18=4/4, x=9/9".parse().unwrap();
        for (model, dollars) in [
            ("mini", 1),
            ("mini-2024-07-18", 1),
            ("mini-2025-01-01", 2),
            ("gate/mini", 3),
            ("gate/mini-2024-07-18", 3),
            ("openai/mini", 1),
            ("a/b/mini", 1),
            ("openai/mini-2024-07-18", 1),
            ("openai/mini-2025-01-01", 2),
            ("dated-2024-07-18", 4),
        ] {
            assert!(prices.has(model), "{model}");
            assert_eq!(prices.cost_micros(model, 1_000_000, 0), dollars * 1_000_000, "{model}");
        }
        for model in
            ["min", "mini-", "mini-2024", "mini-2024-7-18", "mini-large", "dated", "ft:mini:team/x", "mini/", ""]
        {
            assert!(!prices.has(model), "{model}");
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
            ("mini=1/2/3", "`mini=1/2/3` is not of the form"),
            ("mini=1/2/3/4/5", "`mini=1/2/3/4/5` is not of the form"),
            ("a=1/2,a=1/3", "a is there twice"),
            ("mini=1/two", "the price of mini: `two` is not an amount in USD"),
            ("mini=1//1/2", "the price of mini: `` is not an amount in USD"),
            ("mini=-1/2", "the price of mini: `-1` is not an amount in USD"),
        ] {
            let error = text.parse::<Prices>().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
