//! Handlers, by noun and verb.

pub(crate) mod flashcards;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod limits;
