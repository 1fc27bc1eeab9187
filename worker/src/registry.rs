//! The kinds of jobs that workers run, by queue, alphabetically.

use shared::queue::Registry;

use crate::jobs::generate_flashcards::{CallLimits, ChatModel, GenerateFlashcardsHandler};

/// The kinds that wait in `ai-jobs`.
#[must_use]
pub fn ai_jobs(model: impl ChatModel, limits: CallLimits) -> Registry {
    Registry::new().with(GenerateFlashcardsHandler::new(model, limits))
}
