//! The kinds of jobs that workers run, by queue, alphabetically.

use shared::{azure::Azure, queue::Registry};

use crate::jobs::{
    assess_pronunciation::AssessPronunciationHandler,
    generate_flashcards::{CallLimits, ChatModel, GenerateFlashcardsHandler},
};

/// The kinds that wait in `ai-jobs`.
#[must_use]
pub fn ai_jobs(model: impl ChatModel, limits: CallLimits) -> Registry {
    Registry::new().with(GenerateFlashcardsHandler::new(model, limits))
}

/// The kinds that wait in `audio-jobs`.
#[must_use]
pub fn audio_jobs(azure: Azure) -> Registry {
    Registry::new().with(AssessPronunciationHandler::new(azure))
}
