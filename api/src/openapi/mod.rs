//! The OpenAPI document, generated from the handlers' annotations and the types that they read and write.
//!
//! Each noun lists its handlers in its `mod.rs`. What many answers share is said once: what goes wrong in `errors/`,
//! headers in `headers.rs`, ways to say who asks in `security.rs`.

mod counted_routes;
mod errors;
mod fields;
mod headers;
mod parameter;
mod security;

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use shared::config::{ApiConfig, AuthMode};
use utoipa::{
    OpenApi,
    openapi::{
        self,
        path::{Operation, PathItem},
    },
};

pub(crate) use counted_routes::ROUTES;
pub(crate) use errors::{LegacyErrors, Problems, cases};
pub(crate) use fields::{
    AnyUserInQuery, KillSwitchRequest, LanguageName, SuspendRequest, UserInPath, UserInQuery, lesson, priority,
    reference_text, spoken_language, subject, switch, text, topic, user,
};
pub(crate) use parameter::{header, query};

use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(title = "UniLingo", description = include_str!("introduction.md")),
    tags(
        (name = "Flashcards", description = "Cards from a lesson text. Making them takes a while: a request becomes a job."),
        (name = "Pronunciation", description = "How well a text was read aloud. Listening takes a while: a request becomes a job."),
        (name = "Jobs", description = "What has become of a request, whatever its kind."),
        (name = "Limits", description = "How often one may ask."),
        (name = "Shipped apps", description = "What apps and scripts in the field call. New clients use the paths below \
            `/api/v1`. Errors are `LegacyError`."),
        (name = "Health", description = "For platforms and load balancers."),
        (name = "Monitoring", description = "Figures of the whole fleet. With the admin token, or from the addresses in \
            `MONITORING_ALLOWED_IPS`."),
        (name = "Administration", description = "What changes something: with the admin token alone."),
        (name = "This document", description = "The API about itself."),
    ),
)]
struct Head;

/// What differs between deployments.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// The longest lesson, in characters.
    pub(crate) content_max: usize,
    /// How a request says who it is from.
    pub(crate) auth: Vec<AuthMode>,
}

impl Deployment {
    /// The document of this deployment.
    pub(crate) fn document(&self) -> openapi::OpenApi {
        let mut document = Head::openapi();
        for part in routes::documents() {
            document.merge(part);
        }
        security::explain(&mut document, &self.auth);
        headers::tell(&mut document);
        fields::fit(&mut document, self);
        fields::leave_out(&mut document);
        document
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten()
}

/// The document as it is served. It does not change while the process lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct DocumentText(Arc<OnceLock<Bytes>>);

impl DocumentText {
    pub(crate) fn get(&self, config: &ApiConfig) -> Bytes {
        let write = || {
            let deployment = Deployment { content_max: config.content_max(), auth: config.identity.auth.clone() };
            deployment.document().to_json().unwrap_or_default().into()
        };
        self.0.get_or_init(write).clone()
    }
}
