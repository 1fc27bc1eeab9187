//! Flashcards from a text.

use serde::{Deserialize, Serialize};

use crate::job::{Kind, QueueName};

/// Make flashcards of a lesson text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateFlashcards {
    /// The lesson text.
    pub content: String,
    /// What the lesson is about, such as "Biology".
    pub subject: String,
    /// The topic that every card carries, or [`Self::AI_SELECTION`].
    pub topic: String,
    /// The learner's own language, by its English name.
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
}
