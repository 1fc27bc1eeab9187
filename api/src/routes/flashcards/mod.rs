//! Flashcards from a text.

mod create;
mod flag;
mod generate;
mod legacy_result;
mod request;
mod text;

pub(crate) use create::create;
pub(crate) use generate::generate;
pub(crate) use legacy_result::{LegacyCards, LegacyResult};
pub(crate) use request::LegacyFlashcardsRequest;

use crate::error::{LegacyError, Problem, UserLimitReached};

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(create::create, generate::generate), components(schemas(Problem, LegacyError, UserLimitReached)))]
pub(crate) struct Document;
