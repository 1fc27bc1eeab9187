//! What the fleet has learned about the parameters of one model at one address.

use std::collections::BTreeMap;

use super::{CapName, Effort, Parameter};

/// Changes of one parameter within the time that they are kept.
const CHANGES_MAX: u32 = 2;
/// The value of a parameter that is not sent any more.
const DROPPED: &str = "dropped";
/// Field: the number of the last adaptation.
pub(super) const REVISION: &str = "revision";
/// Field: the tokens of the prompt of a call whose cap was refused without a stated maximum.
pub(super) const CAP_REFUSED: &str = "cap_refused";

/// What was learned, as Redis keeps it: fields with their values, `COUNT:VALUE` for a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::openai) struct Learned(pub(super) BTreeMap<String, String>);

impl Learned {
    /// The number of the last adaptation; empty where there was none.
    pub(in crate::openai) fn revision(&self) -> &str {
        self.0.get(REVISION).map_or("", String::as_str)
    }

    /// The value of a parameter that was changed.
    pub(in crate::openai) fn value(&self, parameter: Parameter) -> Option<&str> {
        Some(self.0.get(parameter.as_str())?.split_once(':')?.1)
    }

    fn changes(&self, parameter: Parameter) -> u32 {
        let field = self.0.get(parameter.as_str()).and_then(|field| field.split_once(':'));
        field.and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
    }

    /// The field of a parameter after one more change; `None` where it was changed often enough.
    pub(super) fn changed(&self, parameter: Parameter, value: &str) -> Option<String> {
        let changes = self.changes(parameter);
        (changes < CHANGES_MAX).then(|| format!("{}:{value}", changes + 1))
    }

    /// The same for a parameter that is not sent any more.
    pub(super) fn dropped(&self, parameter: Parameter) -> Option<String> {
        self.changed(parameter, DROPPED)
    }

    pub(super) fn is_dropped(&self, parameter: Parameter) -> bool {
        self.value(parameter) == Some(DROPPED)
    }

    /// The cap's name, which is `default` where it was not changed; `None` where no name is accepted.
    pub(super) fn cap_name(&self, default: CapName) -> Option<CapName> {
        let Some(value) = self.value(Parameter::CapName) else { return Some(default) };
        [CapName::MaxCompletionTokens, CapName::MaxTokens].into_iter().find(|name| name.as_str() == value)
    }

    /// The largest cap that is accepted, where that was learned.
    pub(super) fn cap_limit(&self) -> Option<u32> {
        self.value(Parameter::Cap)?.parse().ok()
    }

    /// The effort, which is `default` where it was not changed; `None` where it is not sent.
    pub(super) fn effort(&self, default: Option<Effort>) -> Option<Effort> {
        let Some(value) = self.value(Parameter::Effort) else { return default };
        Effort::ALL.into_iter().find(|effort| effort.as_str() == value)
    }

    /// The tokens of a prompt whose call was refused for its cap without a stated maximum.
    pub(super) fn cap_refused(&self) -> Option<u32> {
        self.0.get(CAP_REFUSED)?.parse().ok()
    }

    /// The parameters that were changed, by name, with what is sent now.
    pub(super) fn list(&self) -> BTreeMap<String, String> {
        let known = Parameter::ALL.into_iter().filter_map(|parameter| Some((parameter, self.value(parameter)?)));
        known.map(|(parameter, value)| (parameter.as_str().to_owned(), value.to_owned())).collect()
    }
}
