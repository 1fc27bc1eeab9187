//! Flashcards out of a text, without a model: the same text gives the same cards.

mod answer;
mod bounds;
mod cards;
mod fill;
mod glossary;
mod prompt;
mod sentences;
mod terms;
mod words;

pub(super) use answer::{Format, Variant, content};
