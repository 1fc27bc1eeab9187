//! Handlers, by noun and verb.

pub(crate) mod dashboard;
pub(crate) mod events;
pub(crate) mod flashcards;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod limits;
pub(crate) mod monitoring;
pub(crate) mod users;
