//! Reads a refusal that names a parameter of ours.

use http::StatusCode;
use serde_json::Value;

use super::{
    CallParameters, CapName, Effort, Parameter,
    maximum::{names_input, room, stated},
};

/// Deepest nesting that is read: gateways quote the error of the provider behind them.
const DEPTH_MAX: usize = 4;

/// What an upstream has refused about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::openai) enum Refusal {
    /// A parameter, whatever its value.
    Unsupported(Parameter),
    /// The effort's value. Empty where the message names no others.
    EffortValue(Vec<Effort>),
    /// The output cap, which is above the maximum that the message states, if it does.
    CapTooLarge { maximum: Option<u32> },
    /// Prompt and cap together: this depends on the job's text. The tokens that are left beside the
    /// prompt, where the message says so.
    CapExceedsContext { room: Option<u32> },
}

/// What an error body says, whatever its shape.
#[derive(Debug, Default)]
struct Said {
    /// Names of parameters, each the first part of a path.
    params: Vec<String>,
    codes: Vec<String>,
    /// In lower case.
    message: String,
}

impl Refusal {
    /// Reads the answer to a call with `sent` and a cap of `cap`. `None` where it names no parameter
    /// that was sent. `echoes` says whether a text repeats the prompt: a learner's words name nothing.
    pub(in crate::openai) fn read(
        status: StatusCode,
        body: &[u8],
        (sent, cap): (&CallParameters, u32),
        echoes: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        if !matches!(status.as_u16(), 400 | 422) {
            return None;
        }
        let mut said = Said::default();
        said.collect(&serde_json::from_slice(body).ok()?, 0);
        let is = |code: &str| said.codes.iter().any(|said| said == code);
        if is("content_filter") || is("json_validate_failed") {
            return None;
        }
        if echoes(&said.message) {
            said.message.clear();
        }
        said.message.make_ascii_lowercase();
        match said.parameter(sent)? {
            Parameter::CapName | Parameter::Cap => {
                let refusal = said.of_cap(cap);
                // Servers name either for its value; only the name that was sent can be unknown.
                let named = sent.cap_name.is_some_and(|name| said.names_other(name));
                (refusal != Self::Unsupported(Parameter::CapName) || !named).then_some(refusal)
            }
            Parameter::Effort => Some(said.of_effort()),
            other => Some(Self::Unsupported(other)),
        }
    }
}

impl Refusal {
    /// The parameter, on the wire, of a refusal that nothing can be done about, where no job's text could
    /// change it.
    pub(in crate::openai) fn not_adapted(&self, sent: &CallParameters) -> Option<&'static str> {
        let known_for_all = sent.learned.value(Parameter::Cap).is_some();
        let parameter = match self {
            Self::Unsupported(parameter) => *parameter,
            Self::EffortValue(_) => Parameter::Effort,
            Self::CapTooLarge { maximum } if maximum.is_some() || known_for_all => Parameter::Cap,
            Self::CapTooLarge { .. } | Self::CapExceedsContext { .. } => return None,
        };
        match parameter {
            Parameter::Cap | Parameter::CapName => Some(sent.cap_name.map_or("max_tokens", CapName::as_str)),
            other => Some(other.as_str()),
        }
    }
}

impl Said {
    fn collect(&mut self, value: &Value, depth: usize) {
        match value {
            _ if depth > DEPTH_MAX => {}
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, depth + 1)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("param", Value::String(path)) => self.add_param(path),
                        ("loc", Value::Array(path)) => {
                            let place = path.iter().filter_map(Value::as_str).find(|part| *part != "body");
                            if let Some(name) = place {
                                self.add_param(name);
                            }
                        }
                        ("code" | "type" | "reason", Value::String(code)) => self.codes.push(code.clone()),
                        // Pydantic repeats the refused value, which may be anything.
                        ("input" | "failed_generation", _) => {}
                        // A provider's error that a gateway passes on as text.
                        (_, Value::String(text)) => match serde_json::from_str::<Value>(text) {
                            Ok(inner @ (Value::Object(_) | Value::Array(_))) => self.collect(&inner, depth + 1),
                            _ if matches!(
                                name.as_str(),
                                "message" | "msg" | "detail" | "error" | "description" | "raw"
                            ) =>
                            {
                                self.message.push_str(text);
                                self.message.push('\n');
                            }
                            _ => {}
                        },
                        (_, value) => self.collect(value, depth + 1),
                    }
                }
            }
            _ => {}
        }
    }

    fn add_param(&mut self, path: &str) {
        let name = path.split(['.', '[']).next().unwrap_or(path);
        if !name.is_empty() {
            self.params.push(name.to_owned());
        }
    }

    /// The parameter that is refused: the one that the body names, else the one in its message.
    fn parameter(&self, sent: &CallParameters) -> Option<Parameter> {
        let cap = sent.cap_name.map(|name| (name.other().as_str(), Parameter::CapName));
        let names: Vec<_> = sent.sent().chain(cap).collect();
        if let Some(name) = self.params.first() {
            return names.into_iter().find(|(known, _)| known == name).map(|(_, parameter)| parameter);
        }
        let in_message = names.into_iter().filter_map(|(name, parameter)| Some((self.find(name)?, parameter)));
        if let Some((_, parameter)) = in_message.min_by_key(|(place, _)| *place) {
            return Some(parameter);
        }
        // What they call it where they don't name it.
        let other_words = [
            ("response format", Parameter::ResponseFormat),
            ("json_schema", Parameter::ResponseFormat),
            ("maxoutputtokens", Parameter::CapName),
            ("max_new_tokens", Parameter::CapName),
            ("maximum tokens", Parameter::CapName),
            ("does not support thinking", Parameter::Effort),
            ("thinking mode", Parameter::Effort),
            ("thinking_level", Parameter::Effort),
            ("reasoning value", Parameter::Effort),
            ("reasoning effort", Parameter::Effort),
            ("in the completion", Parameter::CapName),
            ("output tokens", Parameter::CapName),
        ];
        let found = other_words.into_iter().find(|(words, _)| self.message.contains(words))?.1;
        sent.sent().any(|(_, parameter)| parameter == found).then_some(found)
    }

    /// Whether the cap is named, and by its other name alone.
    fn names_other(&self, sent: CapName) -> bool {
        let names = |name: CapName| {
            let named = self.params.iter().any(|param| param == name.as_str());
            named || self.params.is_empty() && self.find(name.as_str()).is_some()
        };
        names(sent.other()) && !names(sent)
    }

    /// Where the message names a parameter, as a whole word.
    fn find(&self, name: &str) -> Option<usize> {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        self.message.match_indices(name).map(|(at, _)| at).find(|&at| {
            let (before, after) = (&self.message[..at], &self.message[at + name.len()..]);
            !before.ends_with(part) && !after.starts_with(part)
        })
    }

    fn is(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    fn contains(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }

    /// Whether the name is what the server does not know.
    fn is_unsupported(&self) -> bool {
        self.is(&["unsupported_parameter", "unknown_parameter", "extra_forbidden"])
            || self.contains(&[
                "unrecognized",
                "unknown",
                "unexpected",
                "unsupported parameter",
                "not permitted",
                "is not supported with this model",
                "is unsupported",
                "cannot find field",
                "does not support thinking",
            ])
    }

    fn of_cap(&self, cap: u32) -> Refusal {
        if self.is(&["context_length_exceeded"]) || names_input(&self.message) {
            return Refusal::CapExceedsContext { room: room(&self.message).filter(|room| *room < cap) };
        }
        if self.is_unsupported() {
            return Refusal::Unsupported(Parameter::CapName);
        }
        let maximum = stated(&self.message, cap);
        if maximum.is_some()
            || self.contains(&["too large", "too high", "too big", "exceed", "greater than", "less than"])
        {
            return Refusal::CapTooLarge { maximum };
        }
        Refusal::Unsupported(Parameter::CapName)
    }

    fn of_effort(&self) -> Refusal {
        let value = self.is(&["unsupported_value", "invalid_value", "literal_error", "enum"])
            || self.contains(&["must be", "supported values", "should be", "reasoning value", "thinking mode"]);
        if value { Refusal::EffortValue(self.efforts()) } else { Refusal::Unsupported(Parameter::Effort) }
    }

    /// The efforts that the message lists as accepted.
    fn efforts(&self) -> Vec<Effort> {
        let starts = ["supported values are", "must be one of", "must be", "should be", "values:"];
        let list = starts.iter().find_map(|start| self.message.split_once(start)).map(|(_, list)| list);
        let words: Vec<&str> = list
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        Effort::ALL.into_iter().filter(|effort| words.contains(&effort.as_str())).collect()
    }
}
