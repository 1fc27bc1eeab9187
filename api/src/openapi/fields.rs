//! Texts that have rules beyond their type, as patterns that say exactly what is accepted.

use std::borrow::Cow;

use serde_json::{Value, json};
use shared::{
    config::AuthMode,
    job::{Language, kinds::AssessPronunciation},
};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Content, OpenApi, RefOr, Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{AnyOfBuilder, Object, ObjectBuilder, Schema, SchemaType, Type},
    },
};

use super::Deployment;
use crate::routes::LegacyFlashcardsRequest;

/// White space as Unicode has it, and Rust trims it; `\s` of other languages differs.
const SPACE: &str = r"\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000";
/// Control characters.
const CONTROL: &str = r"\u0000-\u001F\u007F-\u009F";

pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Something that is written: without NUL, and not only white space.
fn written() -> ObjectBuilder {
    text().pattern(Some(format!(r"^[^\u0000]*[^\u0000{SPACE}][^\u0000]*$"))).min_length(Some(1))
}

/// The lesson; [`fit`] says how long it may be.
pub(crate) fn lesson() -> Object {
    let example = "Plants make sugar from light, water and carbon dioxide. Their cells store it as starch.";
    written().description(Some("The lesson: some text, and not only white space")).examples([example]).build()
}

pub(crate) fn subject() -> Object {
    name().description(Some("What the lesson is about")).examples(["Biology"]).build()
}

pub(crate) fn topic() -> Object {
    let description = "What every card carries; `AI Selection` finds 3 to 8 topics in the text";
    name().description(Some(description)).examples(["Photosynthesis", "AI Selection"]).build()
}

fn name() -> ObjectBuilder {
    written().max_length(Some(200))
}

/// What should have been read aloud.
pub(crate) fn reference_text() -> Object {
    let most = AssessPronunciation::REFERENCE_MAX_CHARS;
    written()
        .max_length(Some(most))
        .description(Some("The text that should have been read"))
        .examples(["The leaf turns to the light."])
        .build()
}

/// The language that is spoken.
pub(crate) fn spoken_language() -> Object {
    text()
        .default(Some("en-US".into()))
        .description(Some("The language that is spoken, as a BCP 47 tag with a region. A name, or a tag without a region, is understood"))
        .examples(["en-GB"])
        .build()
}

/// A yes or no in a form.
pub(crate) fn switch() -> Object {
    text().enum_values(Some(["true", "false"])).default(Some("false".into())).build()
}

/// A user in a body, which may be left out.
pub(crate) fn user() -> Object {
    user_name(false)
        .schema_type(or_null())
        .description(Some(
            "Whom the cards are for, where no token or key says so: up to 128 characters. Under a token it may be \
            left out; another user's is 403",
        ))
        .examples(["learner-1"])
        .build()
}

/// Up to 128 characters, without those that control and without white space around them.
fn user_name(may_be_blank: bool) -> ObjectBuilder {
    let (edge, inner) = (format!("[^{CONTROL}{SPACE}]"), format!("[^{CONTROL}]"));
    let optional = if may_be_blank { "?" } else { "" };
    text().pattern(Some(format!("^({edge}({inner}{{0,126}}{edge})?){optional}$")))
}

/// How urgent a job is, as far as a caller may say.
pub(crate) fn priority() -> Object {
    let schema = ObjectBuilder::new().schema_type(or_null()).default(Some("interactive".into()));
    let words = [Value::from("interactive"), Value::from("bulk"), Value::Null];
    schema.enum_values(Some(words)).description(Some("`bulk` may take its time, and still gets a share")).build()
}

fn or_null() -> SchemaType {
    SchemaType::from_iter([Type::String, Type::Null])
}

/// A language by its name or its tag.
pub(crate) enum LanguageName {}

impl ToSchema for LanguageName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Language")
    }
}

impl PartialSchema for LanguageName {
    fn schema() -> RefOr<Schema> {
        let names = text().title(Some("Name")).enum_values(Some(Language::names()));
        let tags = text().title(Some("Tag")).pattern(Some(Language::tags_pattern()));
        let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
        let description = "An English name (`German`) or a BCP 47 tag of language, script and region (`en-GB`, `zh-Hans`). Any \
            letter case, a language's own name (`Deutsch`) and names with a qualifier (`German (Austria)`) are understood as well";
        let any = AnyOfBuilder::new().item(names).item(tags).item(null).description(Some(description));
        Schema::from(any.default(Some("English".into())).examples(["German", "en-GB"]).build()).into()
    }
}

/// Fits what bodies may have to the deployment: how long a lesson may be, and whether anything but `userId` names the user.
pub(super) fn fit(document: &mut OpenApi, deployment: &Deployment) {
    let Some(components) = &mut document.components else { return };
    for schema in components.schemas.values_mut() {
        if let Some(content) = property(schema, "content") {
            content.max_length = Some(deployment.content_max);
        }
    }
    if deployment.auth != [AuthMode::TrustClient] {
        return;
    }
    let Some(legacy) = components.schemas.get_mut(&*LegacyFlashcardsRequest::name()) else { return };
    if let Some(user) = property(legacy, "userId") {
        user.schema_type = SchemaType::Type(Type::String);
    }
    if let RefOr::T(Schema::Object(object)) = legacy {
        object.required.push("userId".to_owned());
    }
}

fn property<'a>(schema: &'a mut RefOr<Schema>, name: &str) -> Option<&'a mut Object> {
    let RefOr::T(Schema::Object(object)) = schema else { return None };
    match object.properties.get_mut(name)? {
        RefOr::T(Schema::Object(property)) => Some(property),
        _ => None,
    }
}

/// A user whom the query must name.
pub(crate) enum UserInQuery {}

/// A user whom the query may name.
pub(crate) enum AnyUserInQuery {}

/// A user whom the path names.
pub(crate) enum UserInPath {}

impl IntoParams for UserInQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![user_id(ParameterIn::Query, Required::True, false)]
    }
}

impl IntoParams for AnyUserInQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![user_id(ParameterIn::Query, Required::False, true)]
    }
}

impl IntoParams for UserInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![user_id(ParameterIn::Path, Required::True, false)]
    }
}

fn user_id(place: ParameterIn, required: Required, may_be_blank: bool) -> Parameter {
    ParameterBuilder::new()
        .name("userId")
        .parameter_in(place)
        .required(required)
        .description(Some("The user"))
        .schema(Some(user_name(may_be_blank).examples(["learner-1"])))
        .build()
}

/// The body for the kill switch.
pub(crate) enum KillSwitchRequest {}

impl ToSchema for KillSwitchRequest {}

impl PartialSchema for KillSwitchRequest {
    fn schema() -> RefOr<Schema> {
        let enabled = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether it is thrown"));
        let object = ObjectBuilder::new().property("enabled", enabled).property("reason", reason()).required("enabled");
        object.examples([json!({ "enabled": true, "reason": "The bill of this month" })]).into()
    }
}

/// Why an operator does something.
fn reason() -> ObjectBuilder {
    text()
        .schema_type(or_null())
        .pattern(Some(format!("^[{SPACE}]*[^{CONTROL}]{{0,500}}[{SPACE}]*$")))
        .description(Some("Why, for people: up to 500 characters"))
}

/// The body for a suspension, which may be left out.
pub(crate) enum SuspendRequest {}

impl ToSchema for SuspendRequest {}

impl PartialSchema for SuspendRequest {
    fn schema() -> RefOr<Schema> {
        let flag = |usual: bool, description| {
            let either = SchemaType::from_iter([Type::Boolean, Type::Null]);
            ObjectBuilder::new().schema_type(either).default(Some(usual.into())).description(Some(description))
        };
        let object = ObjectBuilder::new()
            .property("suspended", flag(true, "`false` lifts the suspension"))
            .property("reason", reason())
            .property("cancelJobs", flag(false, "Whether jobs that were accepted before are cancelled"));
        object.examples([json!({ "suspended": true, "reason": "Too many, too fast", "cancelJobs": false })]).into()
    }
}

/// Says which bodies may be left out: an annotation could say so only of one that may be `null` as well.
pub(super) fn leave_out(document: &mut OpenApi) {
    let optional = format!("#/components/schemas/{}", SuspendRequest::name());
    let bodies =
        document.paths.paths.values_mut().flat_map(super::operations).filter_map(|of| of.request_body.as_mut());
    for body in bodies {
        let RefOr::T(body) = body else { continue };
        let of_it = |content: &RefOr<Content>| {
            let RefOr::T(Content { schema: Some(RefOr::Ref(of)), .. }) = content else { return false };
            of.ref_location == optional
        };
        if body.content.values().any(of_it) {
            body.required = None;
        }
    }
}
