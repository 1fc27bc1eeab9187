//! Handlers, by noun and verb.

pub(crate) mod dashboard;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod flashcards;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod limits;
pub(crate) mod monitoring;
pub(crate) mod pronunciation;
pub(crate) mod submission;
pub(crate) mod users;

pub(crate) use flashcards::LegacyFlashcardsRequest;
use utoipa::OpenApi;

/// What the API's document is put together from.
pub(crate) fn documents() -> [utoipa::openapi::OpenApi; 9] {
    [
        docs::Document::openapi(),
        events::Document::openapi(),
        flashcards::Document::openapi(),
        health::Document::openapi(),
        jobs::Document::openapi(),
        limits::Document::openapi(),
        monitoring::Document::openapi(),
        pronunciation::Document::openapi(),
        users::Document::openapi(),
    ]
}
