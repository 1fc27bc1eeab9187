//! Ways to say who asks.

use shared::config::AuthMode;
use utoipa::openapi::{
    Components, OpenApi,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

/// Names the ways that this deployment knows. Annotations of what users ask say `token`, for any of them.
pub(super) fn explain(document: &mut OpenApi, auth: &[AuthMode]) {
    let of_users = || SecurityRequirement::new("token", [""; 0]);
    let known = ways(auth);
    for operation in document.paths.paths.values_mut().flat_map(super::operations) {
        if operation.security.as_ref().is_some_and(|needed| needed.contains(&of_users())) {
            operation.security = Some(known.clone());
        }
    }
    let components = document.components.get_or_insert_with(Components::default);
    for (name, scheme, of) in schemes() {
        if of.is_empty() || of.iter().any(|mode| auth.contains(mode)) {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// What a request may carry: one of these.
fn ways(auth: &[AuthMode]) -> Vec<SecurityRequirement> {
    let one = |name: &str| SecurityRequirement::new(name, [""; 0]);
    let ways = auth.iter().flat_map(|mode| match mode {
        AuthMode::Jwt => vec![one("token")],
        AuthMode::ApiKey => vec![one("serverKey"), one("serverKey").add("userId", [""; 0])],
        // Whoever says nothing is let in as well.
        AuthMode::TrustClient => vec![one("userId"), SecurityRequirement::default()],
    });
    ways.collect()
}

/// Each with the modes that know it; without any, it is known always.
fn schemes() -> [(&'static str, SecurityScheme, &'static [AuthMode]); 5] {
    let token =
        "A signed token of the identity provider: HS256, RS256 or ES256, with `exp` and with the user in `sub`.";
    let key = "A server's key from `unilingo keys create`. It may come as a Bearer token as well. A key with the scope `act-as` \
        says with `user-id` for whom it asks.";
    let user = "With a key of the scope `act-as`: whom the server asks for. Under `AUTH=trust-client`, in development and private \
        networks: whom the request is from, whatever the client says. Up to 128 characters.";
    let admin = "The `ADMIN_TOKEN` of the deployment.";
    [
        ("token", bearer(Some("JWT"), token), &[AuthMode::Jwt]),
        ("serverKey", in_header("x-api-key", key), &[AuthMode::ApiKey]),
        ("userId", in_header("user-id", user), &[AuthMode::ApiKey, AuthMode::TrustClient]),
        ("adminToken", in_header("x-admin-token", admin), &[]),
        ("adminBearer", bearer(None, admin), &[]),
    ]
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
