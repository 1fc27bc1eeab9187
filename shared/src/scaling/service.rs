//! What can be scaled.

use clap::ValueEnum;
use serde::Serialize;

use crate::job::QueueName;

/// A service of ours, by the name of its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Answers HTTP
    Api,
    /// Makes flashcards
    FlashcardWorker,
    /// Assesses pronunciation
    PronunciationWorker,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::Api, Self::FlashcardWorker, Self::PronunciationWorker];

    /// The name of its program.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::FlashcardWorker => "flashcard-worker",
            Self::PronunciationWorker => "pronunciation-worker",
        }
    }

    /// The service that takes the jobs of a queue.
    #[must_use]
    pub const fn of(queue: QueueName) -> Self {
        match queue {
            QueueName::Ai => Self::FlashcardWorker,
            QueueName::Audio => Self::PronunciationWorker,
        }
    }
}
