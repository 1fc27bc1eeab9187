//! A request for an assessment: one shape for both paths.

use axum::body::Bytes;
use shared::job::{Language, kinds::AssessPronunciation};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::ApiError,
    extract::{ClientAddress, Upload, UploadPlace},
    identity::Caller,
    openapi,
};

/// Longest text that is looked up as a language.
const LANGUAGE_MAX_CHARS: usize = 100;
const DEFAULT_LANGUAGE: &str = "en-US";

/// What a form has.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", as = PronunciationRequest)]
#[expect(dead_code, reason = "describes what is read field by field")]
pub(super) struct PronunciationForm {
    /// The recording, of 30 seconds at most: WAV, M4A (AAC), MP3, FLAC, OGG (Vorbis, Opus) or WebM (Opus). What it says of its
    /// type does not count.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    audio: Vec<u8>,
    #[schema(schema_with = openapi::reference_text, required = true)]
    reference_text: String,
    #[schema(schema_with = openapi::spoken_language, required = false)]
    language: String,
    /// Whether rhythm and intonation are assessed as well: `true` or `false`.
    #[schema(schema_with = openapi::switch, required = false)]
    prosody: String,
    #[schema(schema_with = openapi::user, required = false)]
    user_id: String,
}

/// What the query has where the body is the recording.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read field by field")]
pub(super) struct PronunciationQuery {
    /// The text that should have been read, where the body is the recording.
    #[param(schema_with = openapi::reference_text, required = false)]
    reference_text: String,
    /// The language that is spoken.
    #[param(schema_with = openapi::spoken_language, required = false)]
    language: String,
    /// Whether rhythm and intonation are assessed as well.
    #[param(schema_with = openapi::switch, required = false)]
    prosody: String,
}

/// Who is meant where nobody is named.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unnamed {
    /// That is an error.
    Refused,
    /// Whoever has this address: shipped apps send no user with a recording.
    Address(ClientAddress),
}

/// What is asked for, and by whom.
pub(super) struct Asked {
    pub(super) payload: AssessPronunciation,
    pub(super) recording: Bytes,
    pub(super) user: String,
    /// Kept until the recording is where it waits.
    pub(super) room: UploadPlace,
}

impl Asked {
    pub(super) fn of(mut upload: Upload, caller: Caller, unnamed: Unnamed) -> Result<Self, ApiError> {
        let reference_text = reference_text(upload.take("referenceText")?)?;
        let language = language(upload.take("language")?.as_deref())?;
        let prosody = match upload.take("prosody")?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(ApiError::bad_field("prosody", "invalid_type", "`prosody` must be `true` or `false`"));
            }
        };
        let named = upload.take("userId")?.map(|user| caller.named_in("userId", &user)).transpose()?;
        let user = match (&caller, unnamed) {
            (Caller::Claimed(None), Unnamed::Address(address)) if named.is_none() => {
                format!("anonymous-{}", address.limit_key())
            }
            _ => caller.user_in_body(named)?,
        };
        let payload = AssessPronunciation::new(reference_text, language, prosody, &upload.audio);
        let Upload { audio: recording, room, .. } = upload;
        Ok(Self { payload, recording, user, room })
    }
}

fn reference_text(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::no_reference_text());
    }
    if text.contains('\0') {
        let detail = "`referenceText` must not contain NUL characters";
        return Err(ApiError::bad_field("referenceText", "invalid_characters", detail));
    }
    let most = AssessPronunciation::REFERENCE_MAX_CHARS;
    if text.chars().count() > most {
        let detail = format!("`referenceText` has more than {most} characters");
        return Err(ApiError::bad_field("referenceText", "too_long", detail));
    }
    Ok(text.to_owned())
}

/// The tag of a language as it is spoken somewhere.
fn language(text: Option<&str>) -> Result<String, ApiError> {
    let Some(text) = text else { return Ok(DEFAULT_LANGUAGE.to_owned()) };
    let known = if text.chars().count() > LANGUAGE_MAX_CHARS { None } else { Language::parse(text) };
    known.and_then(|language| language.locale()).ok_or_else(|| {
        let detail = "`language` is no language with a region that is known: send a BCP 47 tag such as en-US";
        ApiError::bad_field("language", "unknown_language", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_trimmed_and_must_be_there() {
        assert_eq!(reference_text(Some(" the leaf\n".to_owned())).unwrap(), "the leaf");
        for (text, code) in [
            (None, "no_reference_text"),
            (Some(" \n".to_owned()), "no_reference_text"),
            (Some("a\0b".to_owned()), "invalid_characters"),
            (Some("x".repeat(1_001)), "too_long"),
        ] {
            assert_eq!(reference_text(text).unwrap_err().code(), code);
        }
    }

    #[test]
    fn a_language_has_a_region_in_the_end() {
        for (text, expected) in
            [(None, "en-US"), (Some("en_gb"), "en-GB"), (Some("de"), "de-DE"), (Some("Spanish"), "es-ES")]
        {
            assert_eq!(language(text).unwrap(), expected);
        }
        for text in ["la", "xx-YY", "Klingonese", &"x".repeat(5_000)] {
            assert_eq!(language(Some(text)).unwrap_err().code(), "unknown_language");
        }
    }
}
