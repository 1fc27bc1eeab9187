//! What a call to the model is made of: the workers make it, the api reckons with it.

use clap::Args;

use crate::budget::{Allowance, Limits, Prices};

/// <https://platform.openai.com/docs/pricing>, standard processing.
const PRICES: &str = "gpt-6-luna=0.10/0.01/0.125/0.50,gpt-6-sol=2/0.20/2.50/10,gpt-6.1-terra=1/0.10/1.25/5,\
gpt-6.1-sol=2/0.20/2.50/10,gpt-5.6-luna=0.20/0.02/0.25/1.20,gpt-5.6-terra=2/0.20/2.50/12,\
gpt-5-mini=0.25/0.025/0.25/2,gpt-4o-mini=0.15/0.075/0.15/0.60,gpt-4o=2.50/1.25/2.50/10,gpt-4.1=2/0.50/2/8,\
gpt-4.1-mini=0.40/0.10/0.40/1.60,gpt-4.1-nano=0.10/0.025/0.10/0.40";

/// The model that writes the cards where none is named.
pub const DEFAULT_MODEL: &str = "gpt-6-luna";

/// A call to the model, and what it costs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "OpenAI")]
pub struct OpenAiCallConfig {
    /// Model that writes the cards
    #[arg(long, env = "OPENAI_MODEL", default_value = DEFAULT_MODEL)]
    pub openai_model: String,

    /// One call's share of a long text, in tokens
    #[arg(long, env = "OPENAI_CHUNK_TOKENS", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub openai_chunk_tokens: u32,

    /// Most tokens of one answer; its cap is estimated from the cards asked for, their language and the model's reasoning
    #[arg(long, env = "OPENAI_MAX_OUTPUT_TOKENS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(64..))]
    pub openai_max_output_tokens: u32,

    /// What a million tokens of each model cost, in US dollars: model=input/cached/cache write/output,…
    /// or model=input/output,… A dated snapshot costs what its model costs, a gateway's name
    /// (openai/gpt-6-luna) what its last segment costs. A model that is not listed counts as free,
    /// which a limit in US dollars does not allow
    #[arg(long, env = "OPENAI_PRICES", default_value = PRICES)]
    pub openai_prices: Prices,
}

impl OpenAiCallConfig {
    /// What of the budget a job is held to, within `limits`.
    #[must_use]
    pub fn allowance(&self, limits: Limits) -> Allowance {
        Allowance {
            limits,
            prices: self.openai_prices.clone(),
            model: self.openai_model.clone(),
            chunk_tokens: self.openai_chunk_tokens,
            max_output_tokens: self.openai_max_output_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        call: OpenAiCallConfig,
    }

    #[test]
    fn the_usual_models_have_prices() {
        let config = Cli::try_parse_from(["test"]).unwrap().call;
        for (model, micros) in [
            ("gpt-6-luna", 600_000),
            ("gpt-6.1-terra", 6_000_000),
            ("gpt-6.1-sol", 12_000_000),
            ("gpt-5.6-luna", 1_400_000),
            ("gpt-4o-mini", 750_000),
            ("gpt-4o", 12_500_000),
            ("gpt-4.1", 10_000_000),
            ("gpt-4.1-mini", 2_000_000),
            ("gpt-4.1-nano", 500_000),
            ("gpt-4o-mini-2024-07-18", 750_000),
            ("openai/gpt-6-luna", 600_000),
        ] {
            assert_eq!(config.openai_prices.cost_micros(model, 1_000_000, 1_000_000), micros, "{model}");
        }
    }

    #[test]
    fn a_wrong_price_names_the_setting() {
        let error = Cli::try_parse_from(["test", "--openai-prices", "gpt-4o=2.50"]).unwrap_err().to_string();
        assert!(error.contains("--openai-prices") && error.contains("gpt-4o=2.50"), "{error}");
    }
}
