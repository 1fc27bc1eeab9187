//! What the service is asked.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use url::Url;

use crate::audio::Prepared;

/// One recording to assess. Its text and sound are nowhere in its `Debug`.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Names the call in the service's logs and in ours: `<job id>.<attempt>.<call>`.
    pub request_id: &'a str,
    /// What was recorded.
    pub recording: &'a Prepared,
    /// What should have been said.
    pub reference_text: &'a str,
    /// The language, as a tag with a region: en-US.
    pub language: &'a str,
    /// Whether stress and intonation are scored as well.
    pub prosody: bool,
}

impl Question<'_> {
    /// Where it is sent; `base` is the server's address.
    pub(super) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        let path = base.path().trim_end_matches('/');
        url.set_path(&format!("{path}/speech/recognition/conversation/cognitiveservices/v1"));
        url.query_pairs_mut().clear().append_pair("language", self.language).append_pair("format", "detailed");
        url
    }

    /// The header `Pronunciation-Assessment`. Its switches are strings.
    pub(super) fn header(&self) -> String {
        let mut settings = json!({
            "ReferenceText": self.reference_text,
            "GradingSystem": "HundredMark",
            "Granularity": "Phoneme",
            "Dimension": "Comprehensive",
            "EnableMiscue": "True",
        });
        if self.prosody {
            settings["EnableProsodyAssessment"] = "True".into();
        }
        STANDARD.encode(settings.to_string())
    }
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("request_id", &self.request_id)
            .field("recording", &self.recording)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}
