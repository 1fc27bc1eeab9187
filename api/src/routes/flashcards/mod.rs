//! Flashcards from a text.

mod create;
mod estimate;
mod flag;
mod generate;
mod legacy_result;
mod request;
mod text;

pub(crate) use create::create;
pub(crate) use generate::generate;
pub(crate) use legacy_result::LegacyResult;
