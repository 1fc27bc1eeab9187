//! The body of a request for flashcards: one shape for both paths.

use serde::Deserialize;
use shared::job::{Language, Priority, kinds::GenerateFlashcards, lesson_text};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{flag::Flag, text::Text};
use crate::{error::ApiError, identity::Caller, openapi};

/// Longest subject and topic: they are names, and every card carries the topic.
const NAME_MAX_CHARS: usize = 200;
/// Longest text that is looked up as a language; no name or tag comes near.
const LANGUAGE_MAX_CHARS: usize = 100;
/// Longest text that is looked at as a user's name; the limit of a name is lower.
const USER_MAX_CHARS: usize = 1_000;
/// Longest text that is looked up as a priority.
const PRIORITY_MAX_CHARS: usize = 20;
const DEFAULT_LANGUAGE: &str = "English";

/// The fields as they came. Fields that are not known are passed over: old apps send some.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(description = "A lesson text, and what cards are wanted of it", example = json!({
    "content": "Plants make sugar from light, water and carbon dioxide. Their cells store it as starch.",
    "subject": "Biology",
    "topic": "Photosynthesis",
    "nativeLanguage": "German",
    "targetLanguage": "English",
}))]
pub(super) struct FlashcardsRequest {
    #[schema(schema_with = openapi::lesson, required = true)]
    content: Option<Text>,
    #[schema(schema_with = openapi::subject, required = true)]
    subject: Option<Text>,
    #[schema(schema_with = openapi::topic, required = true)]
    topic: Option<Text>,
    #[schema(schema_with = openapi::user)]
    user_id: Option<Text>,
    /// The learner's own language.
    #[schema(value_type = openapi::LanguageName, required = false)]
    native_language: Option<Text>,
    /// The language that is learned.
    #[schema(value_type = openapi::LanguageName, required = false)]
    target_language: Option<Text>,
    #[schema(schema_with = openapi::priority)]
    priority: Option<Text>,
    /// Whether the cards are made anew, whatever is there.
    #[schema(value_type = Option<bool>)]
    fresh: Option<Flag>,
}

/// The same as shipped apps send it: all their jobs are urgent, and `priority` is passed over.
pub(crate) enum LegacyFlashcardsRequest {}

impl ToSchema for LegacyFlashcardsRequest {}

impl PartialSchema for LegacyFlashcardsRequest {
    fn schema() -> RefOr<Schema> {
        let mut schema = FlashcardsRequest::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.properties.shift_remove("priority");
            if let Some(example) = &mut object.example {
                example["userId"] = "learner-1".into();
            }
        }
        schema
    }
}

/// Whether the `userId` field must be there, or the `user-id` header will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserField {
    Required,
    HeaderWillDo,
}

impl FlashcardsRequest {
    /// Reads a JSON object. The error says where it breaks off, and never what stands there.
    pub(super) fn parse(json: &str) -> Result<Self, ApiError> {
        // Serde would read an array as the fields in their order.
        if json.trim_start().starts_with('{') {
            return serde_json::from_str(json).map_err(|error| malformed(&error));
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(json) {
            Ok(_) => Err(ApiError::bad_field("body", "invalid_type", "The body must be a JSON object")),
            Err(error) => Err(malformed(&error)),
        }
    }

    /// How urgent it is, as far as a caller may say: `normal` is what servers' keys get.
    pub(super) fn priority(&self, caller: &Caller) -> Result<Priority, ApiError> {
        let Some(value) = &self.priority else { return Ok(caller.priority()) };
        let named = value.clone().checked("priority", PRIORITY_MAX_CHARS)?;
        [Priority::Interactive, Priority::Bulk].into_iter().find(|class| class.as_str() == named).ok_or_else(|| {
            ApiError::bad_field("priority", "unknown_priority", "`priority` must be `interactive` or `bulk`")
        })
    }

    /// Whether the work must be done anew.
    pub(super) fn fresh(&self) -> Result<bool, ApiError> {
        self.fresh.map_or(Ok(false), |flag| flag.checked("fresh"))
    }

    /// The payload and its user, when every field is as it must be.
    pub(super) fn validate(
        self,
        caller: Caller,
        content_max_chars: usize,
        user_field: UserField,
    ) -> Result<(GenerateFlashcards, String), ApiError> {
        let payload = GenerateFlashcards {
            content: lesson(self.content, content_max_chars)?,
            subject: required(self.subject, "subject", NAME_MAX_CHARS)?.trim().to_owned(),
            topic: required(self.topic, "topic", NAME_MAX_CHARS)?.trim().to_owned(),
            native_language: language(self.native_language, "nativeLanguage")?,
            target_language: language(self.target_language, "targetLanguage")?,
        };
        let field = match self.user_id {
            None if user_field == UserField::HeaderWillDo || !caller.is_believed() => None,
            field => {
                let user = required(field, "userId", USER_MAX_CHARS)?;
                Some(caller.named_in("userId", &user)?)
            }
        };
        let user = caller.user_in_body(field)?;
        Ok((payload, user))
    }
}

/// The text in its normal form, which is what the digest of the work is made of.
fn lesson(value: Option<Text>, max_chars: usize) -> Result<String, ApiError> {
    let text = lesson_text::normalize(&required(value, "content", max_chars)?);
    if text.is_empty() {
        let detail = "`content` has no text: only pasted images, data or invisible characters";
        return Err(ApiError::unprocessable("content", "empty_content", detail));
    }
    Ok(text)
}

fn required(value: Option<Text>, field: &'static str, max_chars: usize) -> Result<String, ApiError> {
    let text = value.ok_or_else(|| ApiError::missing(field))?.checked(field, max_chars)?;
    if text.trim().is_empty() { Err(ApiError::missing(field)) } else { Ok(text) }
}

/// The English name of the language, which is what the prompt and the cache know.
fn language(value: Option<Text>, field: &'static str) -> Result<String, ApiError> {
    let Some(value) = value else { return Ok(DEFAULT_LANGUAGE.to_owned()) };
    let text = value.checked(field, LANGUAGE_MAX_CHARS)?;
    let unknown = || {
        let detail = format!("`{field}` is no language that is known: send an English name (German) or a tag (en-GB)");
        ApiError::bad_field(field, "unknown_language", detail)
    };
    Language::parse(&text).map(|language| language.name().to_owned()).ok_or_else(unknown)
}

/// Serde's own text is not shown: it may quote the value at hand.
fn malformed(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let detail = if error.is_eof() {
        format!("The body is JSON that ends too early (line {line}, column {column})")
    } else if error.is_data() {
        format!("The body gives a field twice (line {line}, column {column})")
    } else {
        format!("The body is not valid JSON (line {line}, column {column})")
    };
    ApiError::bad_field("body", "invalid_json", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(
        json: &str,
        header: Option<&str>,
        user_field: UserField,
    ) -> Result<(GenerateFlashcards, String), String> {
        let caller = Caller::Claimed(header.map(str::to_owned));
        let request = FlashcardsRequest::parse(json).and_then(|request| request.validate(caller, 100, user_field));
        request.map_err(|error| error.code().to_owned())
    }

    #[test]
    fn languages_are_english_unless_given_and_kept_by_their_names() {
        let json = r#"{"content":" Zellen ","subject":" Bio ","topic":"Cells","userId":"u","more":[1],
            "nativeLanguage":null,"targetLanguage":"de"}"#;
        let (payload, user) = validate(json, None, UserField::Required).unwrap();
        let expected = GenerateFlashcards {
            content: "Zellen".to_owned(),
            subject: "Bio".to_owned(),
            topic: "Cells".to_owned(),
            native_language: "English".to_owned(),
            target_language: "German".to_owned(),
        };
        assert_eq!((payload, user.as_str()), (expected, "u"));
    }

    #[test]
    fn a_text_comes_in_its_normal_form_or_is_empty() {
        let content = |content: &str| {
            let json = serde_json::json!({"content": content, "subject": "s", "topic": "t", "userId": "u"}).to_string();
            validate(&json, None, UserField::Required).map(|(payload, _)| payload.content)
        };
        assert_eq!(content("\u{feff}Cafe\u{301}\u{a0}?\r\nOui. ").as_deref(), Ok("Café ?\nOui."));
        assert_eq!(content("data:image/png;base64,AAAA"), Err("empty_content".to_owned()));
        assert_eq!(content("\u{feff}"), Err("empty_content".to_owned()));
        assert_eq!(content(" \n"), Err("missing_field".to_owned()));
    }

    #[test]
    fn callers_may_ask_for_two_of_the_classes() {
        let caller = Caller::Claimed(None);
        let priority = |json| FlashcardsRequest::parse(json).and_then(|request| request.priority(&caller));
        assert_eq!(priority("{}").unwrap(), Priority::Interactive);
        assert_eq!(priority(r#"{"priority":"bulk"}"#).unwrap(), Priority::Bulk);
        for json in [r#"{"priority":"normal"}"#, r#"{"priority":"urgent"}"#, r#"{"priority":""}"#] {
            assert_eq!(priority(json).unwrap_err().code(), "unknown_priority", "{json}");
        }
        assert_eq!(priority(r#"{"priority":7}"#).unwrap_err().code(), "invalid_type");
    }

    #[test]
    fn the_header_names_the_user_where_it_is_given() {
        let (with, without) = (
            r#"{"content":"c","subject":"s","topic":"t","userId":"field"}"#,
            r#"{"content":"c","subject":"s","topic":"t"}"#,
        );
        let user = |json, header, field| validate(json, header, field).map(|(_, user)| user);
        assert_eq!(user(with, None, UserField::HeaderWillDo).as_deref(), Ok("field"));
        assert_eq!(user(with, Some("header"), UserField::HeaderWillDo).as_deref(), Ok("header"));
        assert_eq!(user(without, Some("header"), UserField::HeaderWillDo).as_deref(), Ok("header"));
        assert_eq!(user(without, None, UserField::HeaderWillDo), Err("missing_field".to_owned()));
        assert_eq!(user(without, Some("header"), UserField::Required), Err("missing_field".to_owned()));
    }

    #[test]
    fn an_error_never_quotes_the_text() {
        for json in [
            r#"{"content":"secret"#,
            r#"{"content":"secret" "subject"}"#,
            r#"{"content":"secret","content":"secret"}"#,
            r#"{"content":"secret","subject":"secret\ud800"}"#,
            r#""secret""#,
            r#"{"content":"secret","subject":"s","topic":"t","userId":"u","targetLanguage":"secret"}"#,
        ] {
            let caller = Caller::Claimed(None);
            let error = FlashcardsRequest::parse(json)
                .and_then(|request| request.validate(caller, 100, UserField::Required))
                .unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
