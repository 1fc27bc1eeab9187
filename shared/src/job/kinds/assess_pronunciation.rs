//! Pronunciation of a recording.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::job::{Kind, QueueName};

/// Assess how a text was read aloud. The recording waits beside the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessPronunciation {
    /// What should have been read.
    pub reference_text: String,
    /// The language, as a BCP 47 tag with a region: "en-US".
    pub language: String,
    /// Whether rhythm and intonation are assessed as well.
    pub prosody: bool,
    /// SHA-256 of the recording in base64url: the same recording is the same work.
    pub recording_sha256: String,
}

impl AssessPronunciation {
    /// Longest reference text, in characters: nobody reads more aloud in half a minute.
    pub const REFERENCE_MAX_CHARS: usize = 1_000;

    /// What is to be done with `recording`.
    #[must_use]
    pub fn new(reference_text: String, language: String, prosody: bool, recording: &[u8]) -> Self {
        let recording_sha256 = URL_SAFE_NO_PAD.encode(Sha256::digest(recording));
        Self { reference_text, language, prosody, recording_sha256 }
    }
}

impl Kind for AssessPronunciation {
    const NAME: &'static str = "assess-pronunciation";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Audio;
    const RECIPE: Option<u32> = Some(1);
    const PAID: bool = true;
}

/// What the job results in: the answer that the app reads, and more. Scores are of 0 to 100.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssessedPronunciation {
    /// Always true.
    pub success: bool,
    /// The scores.
    pub assessment: Assessment,
    /// What they mean, in words.
    pub feedback: Feedback,
}

/// The scores of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// `no_speech`: nothing was heard that could be assessed, and every score is 0.
    pub outcome: AssessmentOutcome,
    /// How well the sounds were met.
    pub accuracy_score: f64,
    /// How well it flows: pauses between words.
    pub fluency_score: f64,
    /// How much of the text was read.
    pub completeness_score: f64,
    /// All of it together.
    pub pronunciation_score: f64,
    /// Rhythm and intonation, where that was asked for and can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub prosody_score: Option<f64>,
    /// What was heard.
    pub recognized_text: String,
    /// What should have been read.
    pub reference_text: String,
    /// The language that it was heard as.
    #[cfg_attr(feature = "openapi", schema(example = "en-US"))]
    pub language: String,
    /// The pronunciation score is 60 or better.
    pub passed: bool,
    /// How long the recording is, in ms.
    pub duration_ms: u32,
    /// Word by word, in the order in which they were heard; those that were left out are where they should have been.
    pub words: Vec<AssessedWord>,
}

/// Whether there was something to assess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssessmentOutcome {
    /// Somebody spoke.
    Assessed,
    /// Nobody did, or not to be understood.
    NoSpeech,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssessedWord {
    /// The word.
    #[cfg_attr(feature = "openapi", schema(example = "leaf"))]
    pub word: String,
    /// How well its sounds were met.
    pub accuracy_score: f64,
    /// What is wrong with it.
    pub error_type: WordError,
    /// What is wrong with how it is said in the sentence, where prosody is assessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub prosody_issue: Option<ProsodyIssue>,
    /// When it begins in the recording, in ms; not for a word that was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub offset_ms: Option<u32>,
    /// How long it takes, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub duration_ms: Option<u32>,
    /// Its sounds.
    pub phonemes: Vec<AssessedPhoneme>,
}

/// What can be wrong with a word, in the provider's words.
/// <https://learn.microsoft.com/azure/ai-services/speech-service/how-to-pronunciation-assessment>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WordError {
    /// Nothing.
    None,
    /// It was left out.
    Omission,
    /// It does not belong there.
    Insertion,
    /// Its sounds are others.
    Mispronunciation,
}

/// What can be wrong with how a word is said in its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProsodyIssue {
    /// A pause before it that should not be there.
    UnexpectedBreak,
    /// No pause before it where there should be one.
    MissingBreak,
    /// It was said without intonation.
    Monotone,
}

/// One sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssessedPhoneme {
    /// The sound, as the provider writes it.
    #[cfg_attr(feature = "openapi", schema(example = "iy"))]
    pub phoneme: String,
    /// How well it was met.
    pub accuracy_score: f64,
    /// When it begins in the recording, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub offset_ms: Option<u32>,
    /// How long it takes, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub duration_ms: Option<u32>,
}

/// What the scores mean, for the learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// On the whole.
    pub overall: String,
    /// On the sounds.
    pub accuracy: String,
    /// On the flow.
    pub fluency: String,
    /// On the words that need practice.
    pub word_issues: Vec<WordIssue>,
}

/// A word that needs practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WordIssue {
    /// The word.
    pub word: String,
    /// What is wrong with it: its `errorType`, or `Low score`.
    pub issue: String,
    /// Its score.
    pub score: f64,
    /// What to do about it.
    pub suggestion: String,
}
