//! One payload a file. What is done with it lives in the worker.

mod assess_pronunciation;
mod generate_flashcards;

use super::{Kind, Lane, QueueName};

pub use assess_pronunciation::{
    AssessPronunciation, AssessedPhoneme, AssessedPronunciation, AssessedWord, Assessment, AssessmentOutcome, Feedback,
    ProsodyIssue, WordError, WordIssue,
};
pub use generate_flashcards::{Difficulty, Flashcard, GenerateFlashcards, GeneratedFlashcards};

/// The lanes of all kinds whose jobs wait in `queue`.
#[must_use]
pub fn lanes(queue: QueueName) -> Vec<Lane> {
    let all = [
        (AssessPronunciation::QUEUE, AssessPronunciation::lane()),
        (GenerateFlashcards::QUEUE, GenerateFlashcards::lane()),
    ];
    all.into_iter().filter(|(of, _)| *of == queue).map(|(_, lane)| lane).collect()
}
