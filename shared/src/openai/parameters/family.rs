//! What a model's name says about the parameters that it accepts.

use super::Effort;

/// A family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Accepts a temperature and no effort.
    Classic,
    /// Thinks, and rejects a temperature.
    Reasoning {
        /// The lowest effort that it accepts, where that is known.
        lowest: Option<Effort>,
    },
    /// The name says nothing.
    Unknown,
}

impl Family {
    /// The family of `model`, by its name at OpenAI. Gateways write `openai/NAME` and `NAME:free`,
    /// fine-tuned models are named `ft:NAME:…`.
    ///
    /// <https://platform.openai.com/docs/guides/reasoning>
    pub(super) fn of(model: &str) -> Self {
        let name = base_name(model);
        if let Some(version) = name.strip_prefix("gpt-oss") {
            // Served by many; its card lists low, medium and high.
            return if version.is_empty() || version.starts_with('-') { reasoning(Effort::Low) } else { Self::Unknown };
        }
        if is_o_series(&name) {
            let without_effort = ["o1-mini", "o1-preview"].iter().any(|model| is_or_variant(&name, model));
            return Self::Reasoning { lowest: (!without_effort).then_some(Effort::Low) };
        }
        let Some(version) = name.strip_prefix("gpt-") else { return Self::Unknown };
        let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
        match version[..digits].parse::<u32>() {
            // Chat variants follow no rule that is documented.
            _ if version.contains("-chat") => Self::Unknown,
            Ok(3 | 4) => Self::Classic,
            Ok(5..) => Self::Reasoning { lowest: lowest_effort(version) },
            _ => Self::Unknown,
        }
    }

    /// Whether the model writes prompts into a cache, and charges for it, unless a call says otherwise:
    /// GPT-5.6 and newer. <https://platform.openai.com/docs/guides/prompt-caching>
    pub(super) fn writes_cache(model: &str) -> bool {
        let name = base_name(model);
        let version = name.strip_prefix("gpt-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>()) else { return false };
        (major, minor) >= (5, 6)
    }

    /// Whether the name is one of OpenAI's own, wherever the model is served.
    pub(super) fn is_openai(model: &str) -> bool {
        let name = base_name(model);
        is_o_series(&name) || name.starts_with("gpt-") && !name.starts_with("gpt-oss")
    }
}

/// The lowest effort of a reasoning model of version `version`, such as `5.1` or `6.1-sol`.
fn lowest_effort(version: &str) -> Option<Effort> {
    const KNOWN: [(&str, Effort); 7] = [
        ("5", Effort::Minimal),
        ("5-mini", Effort::Minimal),
        ("5-nano", Effort::Minimal),
        ("6-luna", Effort::None),
        ("6.1-terra", Effort::None),
        ("6.1-sol", Effort::Low),
        ("6-astra", Effort::Low),
    ];
    if let Some((_, effort)) = KNOWN.iter().find(|(known, _)| is_or_snapshot(version, known)) {
        return Some(*effort);
    }
    let minor = version.strip_prefix("5.")?;
    let special = ["-pro", "-codex"].iter().any(|mark| minor.contains(mark));
    (!special && minor.starts_with(|c: char| ('1'..='6').contains(&c))).then_some(Effort::None)
}

fn reasoning(lowest: Effort) -> Family {
    Family::Reasoning { lowest: Some(lowest) }
}

fn base_name(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    name.split(':').next().unwrap_or(name).to_lowercase()
}

fn is_o_series(name: &str) -> bool {
    name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_or_variant(name: &str, model: &str) -> bool {
    name.strip_prefix(model).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether `name` is `model` or a dated snapshot of it.
fn is_or_snapshot(name: &str, model: &str) -> bool {
    name.strip_prefix(model).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|date| date.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_something() {
        for model in ["gpt-4o", "gpt-4o-mini-2024-07-18", "ft:gpt-4o-mini:us::x", "gpt-3.5-turbo", "openai/gpt-4.1"] {
            assert_eq!(Family::of(model), Family::Classic, "{model}");
        }
        for (model, lowest) in [
            ("gpt-6-luna", Effort::None),
            ("gpt-6-luna-2026-09-01", Effort::None),
            ("openai/gpt-6-luna", Effort::None),
            ("openai/gpt-6-luna:nitro", Effort::None),
            ("gpt-6.1-terra", Effort::None),
            ("gpt-5.1", Effort::None),
            ("gpt-5.6-luna", Effort::None),
            ("gpt-6.1-sol", Effort::Low),
            ("gpt-6-astra", Effort::Low),
            ("gpt-5", Effort::Minimal),
            ("gpt-5-mini", Effort::Minimal),
            ("gpt-5-nano-2025-08-07", Effort::Minimal),
            ("o3", Effort::Low),
            ("o4-mini-2025-04-16", Effort::Low),
            ("ft:o4-mini-2025-04-16:us::x", Effort::Low),
            ("gpt-oss:20b", Effort::Low),
            ("openai/gpt-oss-120b", Effort::Low),
        ] {
            assert_eq!(Family::of(model), reasoning(lowest), "{model}");
        }
        for model in ["gpt-5-pro", "gpt-5-codex", "gpt-5.1-codex-mini", "gpt-6-sol", "gpt-7", "o1-mini", "o1-preview"] {
            assert_eq!(Family::of(model), Family::Reasoning { lowest: None }, "{model}");
        }
    }

    #[test]
    fn names_that_say_nothing() {
        for model in
            ["chat-latest", "gpt-5-chat-latest", "cards", "olmo-2", "smollm2", "mistral-small", "gpt-", "o", ""]
        {
            assert_eq!(Family::of(model), Family::Unknown, "{model}");
        }
        assert!(Family::is_openai("openai/gpt-6-luna") && Family::is_openai("o3"));
        assert!(!Family::is_openai("openai/gpt-oss-20b") && !Family::is_openai("qwen3:4b"));
    }
}
