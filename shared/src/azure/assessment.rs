//! What the service says about a recording.

use serde::{Deserialize, Serialize};

/// What came of listening to a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Heard {
    /// Someone spoke.
    Assessed(Assessment),
    /// Nobody could be understood: a result for the learner, not a fault.
    NoSpeech {
        /// What was there instead.
        why: NoSpeech,
    },
}

/// What was there instead of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSpeech {
    /// Speech, but none of the language's words.
    NoMatch,
    /// Silence.
    InitialSilence,
    /// Noise.
    Babble,
}

/// The scores of a recording. Each is from 0 to 100.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// What was heard.
    pub recognized_text: String,
    /// How close the sounds are to a native speaker's.
    pub accuracy: f64,
    /// How close the pauses between words are to a native speaker's.
    pub fluency: f64,
    /// How much of the reference text was spoken.
    pub completeness: f64,
    /// All of it together.
    pub pronunciation: f64,
    /// Stress, intonation, speed and rhythm; where it was asked for and the language has it.
    pub prosody: Option<f64>,
    /// When the speech began.
    pub offset_ms: u32,
    /// How long it was.
    pub duration_ms: u32,
    /// The words of the reference text, and those that were added to it.
    pub words: Vec<Word>,
}

/// A word that was spoken, or left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub word: String,
    /// Its score; 0 for one that was left out.
    pub accuracy: f64,
    /// What is wrong with it.
    pub error_type: ErrorType,
    /// When it began; `None` for one that was left out.
    pub offset_ms: Option<u32>,
    /// How long it was.
    pub duration_ms: Option<u32>,
    /// Its sounds.
    pub phonemes: Vec<Phoneme>,
}

/// A sound of a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phoneme {
    /// Its name, in the service's alphabet for the language.
    pub phoneme: String,
    /// Its score.
    pub accuracy: f64,
    /// When it began.
    pub offset_ms: Option<u32>,
    /// How long it was.
    pub duration_ms: Option<u32>,
}

/// What is wrong with a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorType {
    /// Nothing.
    None,
    /// It was left out.
    Omission,
    /// It is not in the reference text.
    Insertion,
    /// It was said wrongly.
    Mispronunciation,
    /// A pause before it that should not be there.
    UnexpectedBreak,
    /// No pause before it where there should be one.
    MissingBreak,
    /// It was said without intonation.
    Monotone,
}

impl ErrorType {
    /// As the service and the app name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Omission => "Omission",
            Self::Insertion => "Insertion",
            Self::Mispronunciation => "Mispronunciation",
            Self::UnexpectedBreak => "UnexpectedBreak",
            Self::MissingBreak => "MissingBreak",
            Self::Monotone => "Monotone",
        }
    }
}
