//! Ways to say who asks.

use utoipa::openapi::{
    Components, OpenApi,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

/// Adds the schemes that the handlers' annotations name.
pub(super) fn explain(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::default);
    for (name, scheme) in [
        (
            "token",
            bearer(
                Some("JWT"),
                "A signed token of the identity provider, where `AUTH` has `jwt`: HS256, RS256 or \
            ES256, with `exp` and with the user in `sub`.",
            ),
        ),
        (
            "serverKey",
            in_header(
                "x-api-key",
                "A server's key from `unilingo keys create`, where `AUTH` has `api-key`. It may \
            come as a Bearer token as well. A key with the scope `act-as` says with `user-id` for whom it asks.",
            ),
        ),
        (
            "userId",
            in_header(
                "user-id",
                "Whom the request is from where `AUTH` has `trust-client`: whatever the client says. \
            With a key of the scope `act-as`: whom the server asks for. Up to 128 characters.",
            ),
        ),
        ("adminToken", in_header("x-admin-token", "The `ADMIN_TOKEN` of the deployment.")),
        ("adminBearer", bearer(None, "The `ADMIN_TOKEN` of the deployment.")),
    ] {
        components.add_security_scheme(name, scheme);
    }
}

fn in_header(name: &str, description: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
}

fn bearer(format: Option<&str>, description: &str) -> SecurityScheme {
    let scheme: Http = match format {
        Some(format) => HttpBuilder::new().bearer_format(format),
        None => HttpBuilder::new(),
    }
    .scheme(HttpAuthScheme::Bearer)
    .description(Some(description))
    .build();
    SecurityScheme::Http(scheme)
}
