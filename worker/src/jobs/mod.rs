//! What workers do: one kind of job a module.

pub mod assess_pronunciation;
pub mod generate_flashcards;
