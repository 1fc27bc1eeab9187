//! Pronunciation of a recording.

mod assess;
mod create;
mod request;

pub(crate) use assess::assess;
pub(crate) use create::create;

use shared::job::kinds::AssessedPronunciation;

/// What of the API is described here.
#[derive(utoipa::OpenApi)]
#[openapi(paths(create::create, assess::assess), components(schemas(AssessedPronunciation)))]
pub(crate) struct Document;
