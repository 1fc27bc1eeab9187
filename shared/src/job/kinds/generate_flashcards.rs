//! Flashcards from a text.

use serde::{Deserialize, Serialize};

use crate::{
    job::{Kind, QueueName},
    tokens,
};

/// Make flashcards of a lesson text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateFlashcards {
    /// The lesson text.
    pub content: String,
    /// What the lesson is about, such as "Biology".
    pub subject: String,
    /// The topic that every card carries, or [`Self::AI_SELECTION`].
    pub topic: String,
    /// The learner's own language, by its English name ([`crate::job::Language::name`]).
    pub native_language: String,
    /// The language that is learned, by its English name.
    pub target_language: String,
}

impl GenerateFlashcards {
    /// This topic asks the model to find the topics in the text by itself.
    pub const AI_SELECTION: &str = "AI Selection";
}

impl Kind for GenerateFlashcards {
    const NAME: &'static str = "generate-flashcards";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(2);

    fn tokens(&self) -> u32 {
        tokens::estimate(&self.content)
    }
}

/// What the job results in: the answer that the app reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GeneratedFlashcards {
    /// Always true.
    pub success: bool,
    /// The cards, in the order of the text.
    pub flashcards: Vec<Flashcard>,
    /// The least number of cards that was asked for. Missing in results of older workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 10))]
    pub requested: Option<u32>,
    /// The number of cards. Lower than `requested` if a second call did not bring enough usable
    /// cards either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 12))]
    pub returned: Option<u32>,
    /// Tokens of every call that the job made.
    pub token_usage: u64,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flashcard {
    /// The term, in the language that is learned.
    #[cfg_attr(feature = "openapi", schema(example = "starch"))]
    pub front: String,
    /// Its translation into the learner's own language.
    #[cfg_attr(feature = "openapi", schema(example = "Stärke"))]
    pub back: String,
    /// What the card belongs to.
    #[cfg_attr(feature = "openapi", schema(example = "Photosynthesis"))]
    pub topic: String,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// A sentence in the language that is learned, with the term in it.
    #[cfg_attr(feature = "openapi", schema(example = "Cells store starch."))]
    pub example: String,
    /// How the term is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = "/stɑːtʃ/"))]
    pub pronunciation: Option<String>,
}

/// How hard a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// For a first course.
    Beginner,
    /// For a second one.
    Intermediate,
    /// For those who know the language well.
    Expert,
}

impl Difficulty {
    /// Every level, from easy to hard.
    pub const ALL: [Self; 3] = [Self::Beginner, Self::Intermediate, Self::Expert];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Expert => "expert",
        }
    }
}
