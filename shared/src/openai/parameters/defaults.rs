//! What a call is sent with before the upstream has refused anything.

use url::Url;

use super::{CallParameters, CapName, Effort, Learned, Parameter, family::Family};
use crate::config::{OpenAiConfig, ReasoningEffort, Temperature};

/// Low, since cards are facts, and not 0, since a retry should be able to come out differently.
const TEMPERATURE: f32 = 0.2;
/// Tokens that models think at the two lowest efforts, generously.
const MINIMAL_TOKENS: u32 = 256;
const LOW_TOKENS: u32 = 1_024;
/// The port that Ollama listens on. It ignores `max_completion_tokens`.
const OLLAMA_PORT: u16 = 11_434;

/// The parameters of a model at an address, by the settings and by what is documented.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::openai) struct Defaults {
    cap_name: CapName,
    effort: Option<Effort>,
    temperature: Option<f32>,
    no_cache_writes: bool,
    family: Family,
}

impl Defaults {
    pub(in crate::openai) fn new(config: &OpenAiConfig) -> Self {
        let (base, model) = (&config.openai_base_url, config.call.openai_model.as_str());
        // A deployment has any name.
        let family = if is_azure(base) { Family::Unknown } else { Family::of(model) };
        let effort = match config.parameters.openai_reasoning_effort {
            ReasoningEffort::Auto => match family {
                Family::Reasoning { lowest } => lowest,
                Family::Classic | Family::Unknown => None,
            },
            ReasoningEffort::Default => None,
            ReasoningEffort::None => Some(Effort::None),
            ReasoningEffort::Minimal => Some(Effort::Minimal),
            ReasoningEffort::Low => Some(Effort::Low),
            ReasoningEffort::Medium => Some(Effort::Medium),
            ReasoningEffort::High => Some(Effort::High),
        };
        let temperature = match config.parameters.openai_temperature {
            // Models that think accept it only without thinking, if at all.
            Temperature::Auto => (family == Family::Classic).then_some(TEMPERATURE),
            Temperature::Default => None,
            Temperature::Value(value) => Some(value),
        };
        let no_cache_writes = is_of(base, "api.openai.com") && Family::writes_cache(model);
        Self { cap_name: cap_name(base, model), effort, temperature, no_cache_writes, family }
    }

    /// Tokens that the model thinks at `effort` before it answers; `None` where nobody knows how many. Of a model whose name
    /// says nothing, twice the most that was `seen`.
    pub(in crate::openai) fn reasoning_tokens(&self, effort: Option<Effort>, seen: Option<u32>) -> Option<u32> {
        match effort {
            Some(Effort::Minimal) => Some(MINIMAL_TOKENS),
            Some(Effort::Low) => Some(LOW_TOKENS),
            Some(Effort::Medium | Effort::High) => None,
            None if self.family == Family::Unknown => seen.map(|tokens| tokens.saturating_mul(2)),
            None if self.family != Family::Classic => None,
            Some(Effort::None) | None => Some(0),
        }
    }

    /// What the next call is sent with, after what was learned.
    pub(in crate::openai) fn with(&self, learned: Learned) -> CallParameters {
        CallParameters {
            cap_name: learned.cap_name(self.cap_name),
            cap_limit: learned.cap_limit(),
            effort: learned.effort(self.effort),
            temperature: self.temperature.filter(|_| !learned.is_dropped(Parameter::Temperature)),
            response_format: !learned.is_dropped(Parameter::ResponseFormat),
            no_cache_writes: self.no_cache_writes && !learned.is_dropped(Parameter::CacheOptions),
            learned,
        }
    }
}

/// Tokens that the configured model thinks before it answers; `None` where nobody knows how many.
#[must_use]
pub fn reasoning_tokens(config: &OpenAiConfig) -> Option<u32> {
    let defaults = Defaults::new(config);
    defaults.reasoning_tokens(defaults.effort, None)
}

/// The name of the output cap. A server that is not known gets `max_tokens`: some ignore the other
/// name without a word, and none does so with this one. OpenAI's own models reject it.
fn cap_name(base: &Url, model: &str) -> CapName {
    const MAX_COMPLETION_TOKENS: [&str; 6] =
        ["openai.com", "openrouter.ai", "groq.com", "googleapis.com", "x.ai", "cerebras.ai"];
    const MAX_TOKENS: [&str; 2] = ["mistral.ai", "deepseek.com"];
    let of = |domains: &[&str]| domains.iter().any(|domain| is_of(base, domain));
    if of(&MAX_TOKENS) || base.port() == Some(OLLAMA_PORT) {
        CapName::MaxTokens
    } else if is_azure(base) || of(&MAX_COMPLETION_TOKENS) || Family::is_openai(model) {
        CapName::MaxCompletionTokens
    } else {
        CapName::MaxTokens
    }
}

fn is_azure(base: &Url) -> bool {
    is_of(base, "azure.com")
        || is_of(base, "azure.us")
        || is_of(base, "azure.cn")
        || base.path().contains("/deployments/")
}

/// Whether the host is `domain` or below it.
fn is_of(base: &Url, domain: &str) -> bool {
    let host = base.host_str().unwrap_or_default();
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::OpenAiConfig;

    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        openai: OpenAiConfig,
    }

    fn defaults(base: &str, model: &str, more: &[&str]) -> CallParameters {
        let words = [&["test", "--openai-base-url", base, "--openai-model", model], more].concat();
        Defaults::new(&Settings::parse_from(words).openai).with(Learned::default())
    }

    #[test]
    fn the_cap_has_the_name_that_the_server_reads() {
        use CapName::{MaxCompletionTokens, MaxTokens};
        for (base, model, name) in [
            ("https://api.openai.com/v1", "chat-latest", MaxCompletionTokens),
            ("https://r.openai.azure.com/openai/v1", "cards", MaxCompletionTokens),
            ("https://r.openai.azure.com/openai/deployments/d?api-version=2024-10-21", "d", MaxCompletionTokens),
            ("https://openrouter.ai/api/v1", "qwen/qwen3", MaxCompletionTokens),
            ("https://api.groq.com/openai/v1", "llama", MaxCompletionTokens),
            ("https://api.mistral.ai/v1", "mistral-small", MaxTokens),
            ("http://localhost:11434/v1", "gpt-4o", MaxTokens),
            ("http://ollama:8080/v1", "qwen3:4b", MaxTokens),
            ("http://gateway.internal/v1", "openai/gpt-6-luna", MaxCompletionTokens),
            ("http://gateway.internal/v1", "gpt-oss:20b", MaxTokens),
            ("https://notopenai.com/v1", "m", MaxTokens),
        ] {
            assert_eq!(defaults(base, model, &[]).cap_name, Some(name), "{base} {model}");
        }
    }

    #[test]
    fn families_decide_where_they_are_known() {
        let of = |model| {
            let sent = defaults("https://api.openai.com/v1", model, &[]);
            (sent.effort, sent.temperature)
        };
        assert_eq!(of("gpt-4o-mini"), (None, Some(TEMPERATURE)));
        assert_eq!(of("gpt-6-luna"), (Some(Effort::None), None));
        assert_eq!(of("gpt-6.1-sol"), (Some(Effort::Low), None));
        assert_eq!(of("gpt-6-sol"), (None, None));
        assert_eq!(of("chat-latest"), (None, None));
        let azure = defaults("https://r.openai.azure.com/openai/v1", "gpt-4o-mini", &[]);
        assert_eq!((azure.effort, azure.temperature), (None, None), "a deployment's name says nothing");
    }

    #[test]
    fn cache_writes_are_turned_off_where_they_cost_and_can_be() {
        let of = |base, model| defaults(base, model, &[]).no_cache_writes;
        for base in ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"] {
            for model in ["gpt-6-luna", "gpt-5.6-luna", "gpt-5.6-terra-2026-05-01", "gpt-6.1-sol", "gpt-5.10", "gpt-10"]
            {
                assert!(of(base, model), "{model} at {base}");
            }
            for model in ["gpt-4o-mini", "gpt-5", "gpt-5-mini", "gpt-5.5", "gpt-oss-20b", "o3", "chat-latest", "gpt-"] {
                assert!(!of(base, model), "{model} at {base}");
            }
        }
        for base in ["https://r.openai.azure.com/openai/v1", "https://openrouter.ai/api/v1", "http://localhost/v1"] {
            assert!(!of(base, "gpt-6-luna"), "{base}");
        }
    }

    #[test]
    fn thoughts_are_known_by_effort_and_family() {
        let of = |model, more: &[&str]| {
            let words = [&["test", "--openai-model", model], more].concat();
            reasoning_tokens(&Settings::parse_from(words).openai)
        };
        assert_eq!(of("gpt-6-luna", &[]), Some(0));
        assert_eq!(of("gpt-4o-mini", &[]), Some(0));
        assert_eq!(of("o3", &[]), Some(LOW_TOKENS));
        assert_eq!(of("gpt-6-luna", &["--openai-reasoning-effort", "default"]), None);
        assert_eq!(of("gpt-6-luna", &["--openai-reasoning-effort", "high"]), None);
        assert_eq!(of("qwen3:4b", &[]), None);
        let seen = Defaults::new(&Settings::parse_from(["test", "--openai-model", "qwen3:4b"]).openai);
        assert_eq!(
            (seen.reasoning_tokens(None, Some(0)), seen.reasoning_tokens(None, Some(300))),
            (Some(0), Some(600))
        );
    }

    #[test]
    fn settings_decide_where_they_are_set() {
        let base = "https://api.openai.com/v1";
        let set = defaults(base, "gpt-6-luna", &["--openai-reasoning-effort", "medium", "--openai-temperature", "1"]);
        assert_eq!((set.effort, set.temperature), (Some(Effort::Medium), Some(1.0)));
        let unset =
            defaults(base, "gpt-4o", &["--openai-reasoning-effort", "default", "--openai-temperature", "default"]);
        assert_eq!((unset.effort, unset.temperature), (None, None));
    }
}
