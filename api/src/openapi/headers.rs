//! Headers of answers.

use utoipa::openapi::{
    Components, OpenApi, Ref, RefOr,
    header::{Header, HeaderBuilder},
    path::Parameter,
    schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
};

/// Every answer has them.
const ALWAYS: [&str; 2] = [REQUEST_ID, "X-Replica-Id"];
const REQUEST_ID: &str = "X-Request-Id";
/// Every answer has them where the path is limited, while the limits are not turned off.
const LIMITED: [&str; 5] =
    ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"];

/// Adds the headers to every answer that may have them.
pub(super) fn tell(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::default);
    components.parameters.insert(REQUEST_ID.to_owned(), request_id().into());
    components.headers.extend(all().map(|(name, header)| (name.to_owned(), header.into())));
    for operation in document.paths.paths.values_mut().flat_map(super::operations) {
        let reference = RefOr::Ref(Ref::new(format!("#/components/parameters/{REQUEST_ID}")));
        operation.parameters.get_or_insert_default().push(reference);
        // Where an answer may be 429, all of them tell the limits.
        let limited = operation.responses.responses.contains_key("429");
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            let retry: &[_] = if matches!(status.as_str(), "429" | "503") { &["Retry-After"] } else { &[] };
            let login: &[_] = if status == "401" { &["WWW-Authenticate"] } else { &[] };
            let limits: &[_] = if limited { &LIMITED } else { &[] };
            for name in ALWAYS.iter().chain(limits).chain(retry).chain(login) {
                response.headers.insert((*name).to_owned(), component(name));
            }
        }
    }
}

fn request_id() -> Parameter {
    let description = "A name for this request, which logs have and the answer repeats";
    super::header(REQUEST_ID, description, super::text().examples(["01a20d2b-61d7-70f2-9e32-a9474b61a22a"]))
}

fn component(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn all() -> impl Iterator<Item = (&'static str, Header)> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let count = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let time = || text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    [
        (
            "X-Request-Id",
            text(),
            "The request's `X-Request-Id` if it is of 1 to 128 visible ASCII characters, or a new one. \
            Name it to whoever looks after the service",
        ),
        ("X-Replica-Id", text(), "Which process has answered"),
        ("X-RateLimit-Limit", count(), "Of the limit that is used up first: most requests in a window"),
        ("X-RateLimit-Remaining", count(), "Of that limit: how many more requests there may be now"),
        ("X-RateLimit-Reset", time(), "Of that limit: when there may be one more"),
        (
            "RateLimit",
            text(),
            "All limits that the request counted for: what remains (`r`), and in how many seconds there is \
            one more (`t`)",
        ),
        ("RateLimit-Policy", text(), "What these limits are: so many requests (`q`) in so many seconds (`w`)"),
        ("Retry-After", count(), "Seconds after which it may be tried again"),
        ("WWW-Authenticate", text(), "`Bearer`"),
    ]
    .into_iter()
    .map(|(name, schema, description)| {
        (name, HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build())
    })
}
