//! What a call says beside its recording.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Refusal, bad};

/// The part of the address after `?`.
#[derive(Debug, Deserialize)]
pub(in crate::testing::simulator) struct Address {
    language: Option<String>,
    format: Option<String>,
}

impl Address {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let Some(language) = &self.language else { return Err(bad("The query parameter language is required.")) };
        let (tag, region) = language.split_once('-').ok_or(bad("The language has no region."))?;
        let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !(2..=3).contains(&tag.len()) || region.len() < 2 || !letters(tag) || !letters(region) {
            return Err(bad("The language is no tag with a region."));
        }
        match self.format.as_deref() {
            Some("detailed") => Ok(()),
            _ => Err(bad("Scores come with format=detailed alone.")),
        }
    }
}

/// The key, of which any will do.
pub(super) fn key(headers: &HeaderMap) -> Result<&str, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    header("ocp-apim-subscription-key")
        .or_else(bearer)
        .filter(|key| !key.is_empty())
        .ok_or(Refusal(StatusCode::FORBIDDEN, "There is no key."))
}

/// The header `Pronunciation-Assessment`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) reference_text: String,
    grading_system: Option<Grading>,
    granularity: Option<Granularity>,
    dimension: Option<Dimension>,
    enable_miscue: Option<Switch>,
    enable_prosody_assessment: Option<Switch>,
    #[serde(rename = "PhonemeAlphabet")]
    _alphabet: Option<String>,
    #[serde(rename = "ScenarioId")]
    _scenario: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Grading {
    FivePoint,
    HundredMark,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Granularity {
    Phoneme,
    Word,
    FullText,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Dimension {
    Basic,
    Comprehensive,
}

/// A string, and no boolean.
#[derive(Debug, Deserialize, PartialEq)]
enum Switch {
    True,
    False,
}

impl Settings {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let header = headers.get("pronunciation-assessment").ok_or(bad("Pronunciation-Assessment is missing."))?;
        let json = STANDARD.decode(header).map_err(|_| bad("Pronunciation-Assessment is no base64."))?;
        let settings: Self =
            serde_json::from_slice(&json).map_err(|_| bad("Pronunciation-Assessment is no settings."))?;
        let wanted = settings.grading_system == Some(Grading::HundredMark)
            && settings.granularity == Some(Granularity::Phoneme)
            && settings.dimension == Some(Dimension::Comprehensive);
        match settings.reference_text.trim() {
            "" => Err(bad("ReferenceText is empty.")),
            _ if !wanted => Err(bad("Only HundredMark, Phoneme and Comprehensive are simulated.")),
            _ => Ok(settings),
        }
    }

    pub(super) fn miscue(&self) -> bool {
        self.enable_miscue == Some(Switch::True)
    }

    pub(super) fn prosody(&self) -> bool {
        self.enable_prosody_assessment == Some(Switch::True)
    }
}
