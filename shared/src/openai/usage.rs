//! What a call cost, in tokens.

use serde_json::Value;

use super::ChatRequest;
use crate::{
    budget::{Billing, ServiceTier},
    tokens,
};

/// The tokens of a call, as the provider counted them; estimated where it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// What was sent.
    pub prompt_tokens: u32,
    /// What came back, thoughts included.
    pub completion_tokens: u32,
    /// Both.
    pub total_tokens: u32,
    /// What of the prompt was read from the provider's cache.
    pub cached_tokens: u32,
    /// What of it was written into the cache.
    pub cache_write_tokens: u32,
    /// The tier that served the call.
    pub tier: ServiceTier,
    /// The cost in micro-dollars, where the provider says it.
    pub cost_micros: Option<u64>,
}

impl Usage {
    const fn new(prompt_tokens: u32, completion_tokens: u32) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            cached_tokens: 0,
            cache_write_tokens: 0,
            tier: ServiceTier::Standard,
            cost_micros: None,
        }
    }

    /// What decides the cost beside the tokens.
    #[must_use]
    pub fn billing(&self) -> Billing {
        Billing {
            cached_tokens: self.cached_tokens.into(),
            cache_write_tokens: self.cache_write_tokens.into(),
            tier: self.tier,
            cost_micros: self.cost_micros,
        }
    }

    /// The same in the tier that an answer names.
    pub(super) fn in_tier(mut self, answer: &Value) -> Self {
        self.tier = answer["service_tier"].as_str().map_or_else(ServiceTier::default, ServiceTier::named);
        self
    }

    /// The same with what `usage` says of the cache and of the cost.
    fn with_details(mut self, reported: &Value) -> Self {
        let details = ["prompt_tokens_details", "input_tokens_details"];
        let of_prompt = |name: &str| details.iter().find_map(|details| count(&reported[*details], &[name]));
        // DeepSeek counts hits beside the prompt's tokens.
        let cached = of_prompt("cached_tokens").or_else(|| count(reported, &["prompt_cache_hit_tokens"]));
        self.cached_tokens = cached.unwrap_or(0).min(self.prompt_tokens);
        let written = of_prompt("cache_write_tokens").unwrap_or(0);
        self.cache_write_tokens = written.min(self.prompt_tokens - self.cached_tokens);
        self.cost_micros = cost(reported);
        self
    }

    /// For servers that don't count. It errs upwards, so that a limit or a budget is never overrun
    /// because of them.
    pub(super) fn estimate(request: &ChatRequest, written: &str) -> Self {
        let schema = request.schema.to_string();
        let prompt = [&request.system, &request.user, &schema];
        let prompt_tokens = prompt.into_iter().map(|text| tokens::estimate(text)).fold(0, u32::saturating_add);
        Self::new(prompt_tokens, tokens::estimate(written))
    }

    /// The upper bound, for an answer that was not read to its end.
    pub(super) fn at_most(request: &ChatRequest, max_output_tokens: u32) -> Self {
        Self::new(Self::estimate(request, "").prompt_tokens, max_output_tokens)
    }

    /// Reads a provider's usage field by field. A missing or invalid field follows from the others
    /// or is estimated. `None` if no field is readable.
    pub(super) fn read(reported: &Value, request: &ChatRequest, written: &str) -> Option<Self> {
        // Servers that don't count send zeros.
        let prompt = count(reported, &["prompt_tokens", "input_tokens"]).filter(|tokens| *tokens > 0);
        let completion = count(reported, &["completion_tokens", "output_tokens"]);
        let completion = completion.filter(|tokens| *tokens > 0 || written.trim().is_empty());
        let total = count(reported, &["total_tokens"]).filter(|tokens| *tokens > 0);
        let guess = Self::estimate(request, written);
        let rest = |part: u32| total.and_then(|total| total.checked_sub(part)).filter(|rest| *rest > 0);
        let usage = match (prompt, completion, total) {
            (None, None, None) => return None,
            // Gemini and Grok count reasoning only in the total; it is billed as output.
            (Some(prompt), Some(completion), _) => Self::new(prompt, completion.max(rest(prompt).unwrap_or(0))),
            (Some(prompt), None, _) => Self::new(prompt, rest(prompt).unwrap_or(guess.completion_tokens)),
            (None, Some(completion), _) => Self::new(rest(completion).unwrap_or(guess.prompt_tokens), completion),
            (None, None, Some(total)) => {
                let share = u64::from(total) * u64::from(guess.prompt_tokens) / u64::from(guess.total_tokens.max(1));
                let prompt = u32::try_from(share).unwrap_or(total);
                Self::new(prompt, total - prompt)
            }
        };
        Some(usage.with_details(reported))
    }
}

/// What the gateway charges in micro-dollars, rounded up, and what the provider behind it charges where
/// that is paid with a key of one's own. <https://openrouter.ai/docs/use-cases/usage-accounting>
fn cost(usage: &Value) -> Option<u64> {
    let own_key = usage["is_byok"].as_bool() == Some(true);
    let upstream = usage["cost_details"]["upstream_inference_cost"].as_f64().filter(|_| own_key);
    let dollars = usage["cost"].as_f64()? + upstream.unwrap_or(0.0);
    micros(dollars)
}

/// Rounded up; `None` for what can't be a cost.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn micros(dollars: f64) -> Option<u64> {
    // A cost of whole micro-dollars is not raised by what binary fractions lack.
    let micros = (dollars * 1e6 - 1e-6).ceil().max(0.0);
    (dollars >= 0.0 && micros < 1e15).then_some(micros as u64)
}

/// The first of the fields that holds a number of tokens.
fn count(usage: &Value, names: &[&str]) -> Option<u32> {
    names.iter().find_map(|name| match usage.get(name)? {
        Value::Number(number) => whole(number.as_f64()?),
        Value::String(digits) => whole(digits.trim().parse().ok()?),
        _ => None,
    })
}

/// Rounded up; `None` for what can't be a number of tokens.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole(number: f64) -> Option<u32> {
    let tokens = number.ceil();
    (number >= 0.0 && tokens <= f64::from(u32::MAX)).then_some(tokens as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request() -> ChatRequest {
        ChatRequest {
            request_id: "id".into(),
            system: "Make cards.".into(),
            user: "A text.".into(),
            schema_name: "flashcards",
            schema: json!({"type": "object"}),
            max_output_tokens: 100,
        }
    }

    const WRITTEN: &str = "Some words as an answer.";

    fn read(reported: &Value) -> Option<(u32, u32)> {
        let usage = Usage::read(reported, &request(), WRITTEN)?;
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "{reported}");
        Some((usage.prompt_tokens, usage.completion_tokens))
    }

    #[test]
    fn a_field_that_can_not_be_read_follows_from_the_others() {
        let Usage { prompt_tokens: prompt, completion_tokens: completion, total_tokens: both, .. } =
            Usage::estimate(&request(), WRITTEN);
        for (reported, expected) in [
            (json!({"prompt_tokens": 900, "completion_tokens": 400, "total_tokens": 1_300}), (900, 400)),
            (json!({"prompt_tokens": 900, "completion_tokens": 400}), (900, 400)),
            (json!({"input_tokens": 900, "output_tokens": 400}), (900, 400)),
            (json!({"prompt_tokens": 900.0, "completion_tokens": 399.2, "total_tokens": "1300"}), (900, 400)),
            (json!({"prompt_tokens": "900", "completion_tokens": "400"}), (900, 400)),
            (json!({"prompt_tokens": null, "input_tokens": 900, "completion_tokens": 400}), (900, 400)),
            (json!({"prompt_tokens": 900, "completion_tokens": null, "total_tokens": 1_300}), (900, 400)),
            (json!({"prompt_tokens": [], "completion_tokens": 400, "total_tokens": 1_300}), (900, 400)),
            // Thoughts that only the total counts; a total that is too small.
            (json!({"prompt_tokens": 900, "completion_tokens": 400, "total_tokens": 2_000}), (900, 1_100)),
            (json!({"prompt_tokens": 900, "completion_tokens": 400, "total_tokens": 7}), (900, 400)),
            (json!({"prompt_tokens": 900, "completion_tokens": 0, "total_tokens": 900}), (900, completion)),
            (json!({"prompt_tokens": 900, "completion_tokens": -1, "total_tokens": 899}), (900, completion)),
            (json!({"prompt_tokens": 900, "completion_tokens": 1e300}), (900, completion)),
            (json!({"prompt_tokens": 0, "completion_tokens": 400, "total_tokens": 400}), (prompt, 400)),
            (json!({"total_tokens": 10 * both}), (10 * prompt, 10 * completion)),
        ] {
            assert_eq!(read(&reported), Some(expected), "{reported}");
        }
    }

    #[test]
    fn the_cache_and_the_cost_are_read_where_they_are_told() {
        let of = |details: Value| {
            let mut reported = json!({"prompt_tokens": 900, "completion_tokens": 400});
            reported.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
            let usage = Usage::read(&reported, &request(), WRITTEN).unwrap();
            (usage.cached_tokens, usage.cache_write_tokens, usage.cost_micros)
        };
        for (reported, expected) in [
            (json!({}), (0, 0, None)),
            (json!({"prompt_tokens_details": null, "cost": null}), (0, 0, None)),
            (json!({"prompt_tokens_details": {"cached_tokens": 512, "cache_write_tokens": 256}}), (512, 256, None)),
            (json!({"prompt_tokens_details": {"cached_tokens": "512", "cache_write_tokens": -1}}), (512, 0, None)),
            (json!({"prompt_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 800}}), (800, 100, None)),
            (json!({"prompt_tokens_details": {"cached_tokens": 9_000}}), (900, 0, None)),
            (json!({"input_tokens_details": {"cached_tokens": 7}}), (7, 0, None)),
            (json!({"prompt_cache_hit_tokens": 640, "prompt_cache_miss_tokens": 260}), (640, 0, None)),
            (json!({"cost": 0.000_29}), (0, 0, Some(290))),
            (json!({"cost": 0.000_290_1}), (0, 0, Some(291))),
            (json!({"cost": 0}), (0, 0, Some(0))),
            (json!({"cost": 0.000_01, "cost_details": {"upstream_inference_cost": 0.000_2}}), (0, 0, Some(10))),
            (
                json!({"cost": 0.000_01, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.000_2}}),
                (0, 0, Some(210)),
            ),
            (json!({"cost": -1}), (0, 0, None)),
            (json!({"cost": 1e300}), (0, 0, None)),
            (json!({"cost": {"total_cost": 1}}), (0, 0, None)),
        ] {
            assert_eq!(of(reported.clone()), expected, "{reported}");
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        for reported in [
            json!(null),
            json!({}),
            json!([]),
            json!(7),
            json!("900"),
            json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
            json!({"prompt_tokens": "many", "completion_tokens": {}, "total_tokens": -1}),
        ] {
            assert_eq!(read(&reported), None, "{reported}");
        }
    }
}
