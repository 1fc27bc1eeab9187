//! One payload a file. What is done with it lives in the worker.

mod assess_pronunciation;
mod generate_flashcards;

pub use assess_pronunciation::{
    AssessPronunciation, AssessedPhoneme, AssessedPronunciation, AssessedWord, Assessment, AssessmentOutcome, Feedback,
    ProsodyIssue, WordError, WordIssue,
};
pub use generate_flashcards::{Difficulty, Flashcard, GenerateFlashcards, GeneratedFlashcards};
