//! One payload a file. What is done with it lives in the worker.

mod generate_flashcards;

pub use generate_flashcards::{Difficulty, Flashcard, GenerateFlashcards, GeneratedFlashcards};
