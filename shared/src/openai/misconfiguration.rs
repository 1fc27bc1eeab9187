//! Refusals that no job's text can change: a setting is wrong, and a person has to correct it.

use std::fmt;

use http::StatusCode;

/// Codes of a model that is not served.
const MODEL_CODES: [&str; 7] = [
    "model_not_found",
    "model_decommissioned",
    "model_not_available",
    "model_not_supported",
    "invalid_model",
    "unknown_model",
    "DeploymentNotFound",
];
/// Words for one.
const MODEL_WORDS: [&str; 9] = [
    "not a valid model",
    "invalid model",
    "unknown model",
    "model not found",
    "model not exist",
    "model does not exist",
    "model has been deprecated",
    "model_decommissioned",
    "no endpoints found",
];
/// Codes of a key that is not known.
const KEY_CODES: [&str; 3] = ["API_KEY_INVALID", "API_KEY_EXPIRED", "invalid_api_key"];
/// Codes of a parameter that is not accepted, where its name is missing.
const PARAMETER_CODES: [&str; 5] =
    ["unsupported_parameter", "unknown_parameter", "unsupported_value", "extra_forbidden", "invalid_json_schema"];
/// Parameters that come from the settings and never from a job, and the setting of each.
const PARAMETERS: [(&str, &str); 13] = [
    ("model", "OPENAI_MODEL"),
    ("temperature", "OPENAI_TEMPERATURE"),
    ("top_p", "OPENAI_TEMPERATURE"),
    ("max_completion_tokens", "OPENAI_MAX_OUTPUT_TOKENS"),
    ("max_tokens", "OPENAI_MAX_OUTPUT_TOKENS"),
    ("max_output_tokens", "OPENAI_MAX_OUTPUT_TOKENS"),
    ("output_cap", "OPENAI_MAX_OUTPUT_TOKENS"),
    ("output_cap_name", "OPENAI_BASE_URL"),
    ("response_format", "OPENAI_MODEL"),
    ("reasoning_effort", "OPENAI_REASONING_EFFORT"),
    ("reasoning", "OPENAI_REASONING_EFFORT"),
    ("service_tier", "OPENAI_MODEL"),
    ("prompt_cache_options", "OPENAI_MODEL"),
];

/// What is wrong with the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The model is not served (any more).
    Model,
    /// There is no such path.
    Path,
    /// One of the two: the answer does not say which.
    ModelOrPath,
    /// The key is missing or wrong.
    Key,
    /// The key may not do this, or not from here.
    Account,
    /// The key may not use the model.
    Access,
    /// A parameter is not accepted and can't be adapted.
    Parameter,
}

impl Fault {
    /// Code of the jobs that wait, and of the breaker that holds them.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Model | Self::Path | Self::ModelOrPath => "openai_model_unknown",
            Self::Key | Self::Account => "openai_key_rejected",
            Self::Access | Self::Parameter => "openai_misconfigured",
        }
    }
}

/// A refusal that is the settings' fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misconfiguration {
    /// What is wrong.
    pub fault: Fault,
    /// The HTTP status.
    pub status: u16,
    /// The provider's code.
    pub code: Option<String>,
    /// The parameter that is refused.
    pub parameter: Option<&'static str>,
    /// The provider's id of the request.
    pub request_id: String,
}

impl Misconfiguration {
    pub(super) const fn new(fault: Fault, status: u16) -> Self {
        Self { fault, status, code: None, parameter: None, request_id: String::new() }
    }

    /// The settings of which one has to change.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self.fault {
            Fault::Model => "OPENAI_MODEL",
            Fault::Path => "OPENAI_BASE_URL",
            Fault::ModelOrPath => "OPENAI_MODEL or OPENAI_BASE_URL",
            Fault::Key | Fault::Account => "OPENAI_API_KEY",
            Fault::Access => "OPENAI_MODEL or OPENAI_API_KEY",
            Fault::Parameter => self.parameter.and_then(setting_of).unwrap_or("OPENAI_MODEL"),
        }
    }
}

impl fmt::Display for Misconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Model => f.write_str("the provider does not serve the model"),
            Fault::Path => f.write_str("the provider does not know the path"),
            Fault::ModelOrPath => f.write_str("the provider does not know the model or the path"),
            Fault::Key => f.write_str("the provider does not know the key"),
            Fault::Account => f.write_str("the provider does not allow this key the call"),
            Fault::Access => f.write_str("the provider does not allow this key the model"),
            Fault::Parameter => match self.parameter {
                Some(name) => write!(f, "the provider refuses the parameter {name}"),
                None => f.write_str("the provider refuses a parameter"),
            },
        }
    }
}

fn setting_of(parameter: &str) -> Option<&'static str> {
    PARAMETERS.iter().find(|(name, _)| *name == parameter).map(|(_, setting)| *setting)
}

/// What an error says, for [`fault_of`].
pub(super) struct Said<'a> {
    /// Its codes, types and reasons.
    pub(super) codes: &'a [String],
    /// The parameter that it names.
    pub(super) parameter: Option<&'a str>,
    /// Its message; empty where that repeats the prompt.
    pub(super) message: &'a str,
    /// Whether the body is a web page, or nothing.
    pub(super) unstructured: bool,
}

/// The fault of the settings that an answer shows, with the parameter that it is about. `None` where it may be this
/// request's own.
pub(super) fn fault_of(status: StatusCode, said: &Said<'_>) -> Option<(Fault, Option<&'static str>)> {
    let is = |codes: &[&str]| said.codes.iter().any(|code| codes.contains(&code.as_str()));
    let message = said.message.to_lowercase();
    let of_model = || {
        is(&MODEL_CODES) || said.parameter == Some("model") || MODEL_WORDS.iter().any(|words| message.contains(words))
    };
    let fault = match status.as_u16() {
        401 => Fault::Key,
        403 if of_model() || message.contains("does not have access to model") => Fault::Access,
        301 | 308 | 405 => Fault::Path,
        404 | 410 if of_model() || message.contains("model") || message.contains("deployment") => Fault::Model,
        404 if said.unstructured || message.contains("url") || message.contains("not found") => Fault::Path,
        404 | 410 => Fault::ModelOrPath,
        400 | 422 if is(&KEY_CODES) || message.contains("api key not valid") => Fault::Key,
        400 | 422 if of_model() => Fault::Model,
        // The room for the answer depends on the text, too: a cap counts where its name is what is refused.
        400 | 422 if said.parameter.is_some_and(|name| name.starts_with("max_")) && !is(&PARAMETER_CODES) => {
            return None;
        }
        400 | 422 => {
            let known = PARAMETERS.iter().find(|(name, _)| said.parameter == Some(name)).map(|(name, _)| *name);
            let named = known.is_some() || said.parameter.is_none() && is(&PARAMETER_CODES);
            return named.then_some((Fault::Parameter, known));
        }
        _ => return None,
    };
    Some((fault, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, code: &str, parameter: Option<&str>, message: &str) -> Option<Fault> {
        let codes = [code.to_owned()];
        let said = Said { codes: &codes, parameter, message, unstructured: message.is_empty() };
        fault_of(StatusCode::from_u16(status).unwrap(), &said).map(|(fault, _)| fault)
    }

    #[test]
    fn models_and_paths_are_told_apart_where_the_answer_says_so() {
        for (status, code, parameter, message) in [
            (404, "model_not_found", None, "The model `gpt-4o-mini` has been deprecated"),
            (404, "", None, "model \"qwen3:4b\" not found, try pulling it first"),
            (404, "DeploymentNotFound", None, "The API deployment for this resource does not exist."),
            (400, "model_decommissioned", None, "no"),
            (400, "", Some("model"), "no"),
            (400, "400", None, "gpt-9 is not a valid model ID"),
            (422, "invalid_model", None, "no"),
        ] {
            assert_eq!(fault(status, code, parameter, message), Some(Fault::Model), "{status} {code} {message}");
        }
        for (status, message) in
            [(404, ""), (404, "Invalid URL (POST /chat/completions)"), (404, "Not Found"), (405, "x")]
        {
            assert_eq!(fault(status, "", None, message), Some(Fault::Path), "{status} {message}");
        }
        assert_eq!(fault(404, "x", None, "no such thing"), Some(Fault::ModelOrPath));
    }

    #[test]
    fn keys_access_and_parameters_have_their_settings() {
        assert_eq!(fault(401, "", None, ""), Some(Fault::Key));
        assert_eq!(fault(400, "API_KEY_INVALID", None, "API key not valid."), Some(Fault::Key));
        let access = fault(403, "model_not_found", None, "Project `p` does not have access to model `m`");
        assert_eq!(access, Some(Fault::Access));
        assert_eq!(fault(403, "", None, "Forbidden"), None);
        for (parameter, setting) in [("temperature", "OPENAI_TEMPERATURE"), ("max_tokens", "OPENAI_MAX_OUTPUT_TOKENS")]
        {
            assert_eq!(fault(400, "unsupported_parameter", Some(parameter), "no"), Some(Fault::Parameter));
            let known = PARAMETERS.iter().find(|(name, _)| *name == parameter).map(|(name, _)| *name);
            let shown = Misconfiguration { parameter: known, ..Misconfiguration::new(Fault::Parameter, 400) };
            assert_eq!(shown.setting(), setting);
        }
        assert_eq!(fault(400, "unknown_parameter", None, "no"), Some(Fault::Parameter));
        assert_eq!(fault(400, "", Some("response_format"), "no"), Some(Fault::Parameter));
    }

    #[test]
    fn what_may_be_the_requests_own_is_no_fault_of_the_settings() {
        assert_eq!(fault(400, "invalid_request_error", None, "Invalid request."), None);
        assert_eq!(fault(400, "unsupported_value", Some("messages"), "no"), None);
        assert_eq!(fault(422, "", Some("input"), "no"), None);
        assert_eq!(fault(400, "", Some("max_tokens"), "too large"), None);
        assert_eq!(fault(429, "model_not_found", None, "no"), None);
    }
}
