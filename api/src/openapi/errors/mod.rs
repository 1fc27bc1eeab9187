//! What goes wrong, said once: a handler's annotation names the things it does ([`cases`]), and their errors follow.

pub(crate) mod cases;

use std::{collections::BTreeMap, marker::PhantomData};

use serde_json::{Value, json};
use utoipa::{
    IntoResponses,
    openapi::{
        AllOfBuilder, Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::{AnyOfBuilder, ObjectBuilder, Schema, Type},
    },
};

use cases::{Case, Cases, Internal};

/// Errors of a v1 path, by status: problems with one of the codes that are told by then.
pub(crate) struct Problems<C>(PhantomData<C>);

/// Errors of a path of shipped apps, or of operators.
pub(crate) struct LegacyErrors<C>(PhantomData<C>);

impl<C: Cases> IntoResponses for Problems<C> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |status: u16, cases: &[Case]| {
            let codes = cases.iter().map(|case| case.code.to_owned()).collect();
            let (code, detail) = (cases[0].code, cases[0].when);
            let example = json!({ "type": "about:blank", "title": title(status), "status": status, "detail": detail, "code": code });
            ("application/problem+json", narrowed("Problem", codes), example)
        };
        by_status::<C>(problem)
    }
}

impl<C: Cases> IntoResponses for LegacyErrors<C> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let error = |_: u16, cases: &[Case]| {
            let codes: Vec<_> = cases.iter().flat_map(legacy_codes).collect();
            let example = json!({ "success": false, "error": cases[0].when, "code": codes[0] });
            let of_user = cases.iter().any(|case| case.code == cases::OF_USER);
            // The code of a job that failed is its own.
            let plain = if cases.iter().any(|case| case.code == cases::OF_JOB) {
                Schema::from(AllOfBuilder::new().item(Ref::from_schema_name("LegacyError")).build())
            } else {
                narrowed("LegacyError", codes)
            };
            let schema = if of_user {
                AnyOfBuilder::new().item(plain).item(Ref::from_schema_name("UserLimitReached")).build().into()
            } else {
                plain
            };
            ("application/json", schema, example)
        };
        by_status::<C>(error)
    }
}

type Body = (&'static str, Schema, Value);

fn by_status<C: Cases>(body: impl Fn(u16, &[Case]) -> Body) -> BTreeMap<String, RefOr<Response>> {
    let mut groups: BTreeMap<u16, Vec<Case>> = BTreeMap::new();
    for case in C::cases().into_iter().chain(Internal::cases()) {
        let group = groups.entry(case.status).or_default();
        if !group.iter().any(|other| other.code == case.code) {
            group.push(case);
        }
    }
    let responses = groups.into_iter().map(|(status, cases)| {
        let (content_type, schema, example) = body(status, &cases);
        let content: Content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let description: Vec<_> = cases.iter().map(|case| format!("- `{}`: {}", case.code, case.when)).collect();
        let response = ResponseBuilder::new().description(description.join("\n")).content(content_type, content);
        (status.to_string(), response.build().into())
    });
    responses.collect()
}

/// The schema, with no other codes than these.
fn narrowed(name: &str, codes: Vec<String>) -> Schema {
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes));
    let only = ObjectBuilder::new().property("code", code);
    AllOfBuilder::new().item(Ref::from_schema_name(name)).item(only).build().into()
}

/// How shipped apps know a code.
fn legacy_codes(case: &Case) -> Vec<String> {
    match case.code {
        cases::OF_USER => vec!["ERROR_429".to_owned()],
        cases::OF_ADDRESS => vec![
            "AI_RATE_LIMIT_EXCEEDED".to_owned(),
            "PRONUNCIATION_RATE_LIMIT_EXCEEDED".to_owned(),
            "RATE_LIMIT_EXCEEDED".to_owned(),
        ],
        code => vec![code.to_ascii_uppercase()],
    }
}

fn title(status: u16) -> &'static str {
    axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
