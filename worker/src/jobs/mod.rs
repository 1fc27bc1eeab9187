//! What workers do: one kind of job a module.

pub mod generate_flashcards;
