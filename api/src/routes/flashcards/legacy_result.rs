//! The result of a job as shipped apps read it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::job::kinds::Flashcard;
use utoipa::ToSchema;

/// Cards, or the result of some other kind of job, which is passed on as it is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum LegacyResult<'a> {
    Cards(LegacyCards<'a>),
    Other(Option<&'a RawValue>),
}

/// Cards and what they cost. The cards are passed on unread.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LegacyCards<'a> {
    success: bool,
    #[schema(value_type = Vec<Flashcard>)]
    flashcards: &'a RawValue,
    /// Tokens of every call that the job made.
    token_usage: u64,
    /// They were made for an earlier job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) from_cache: bool,
}

/// The part of a handler's result that is needed here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored<'a> {
    #[serde(borrow)]
    flashcards: &'a RawValue,
    token_usage: u64,
}

impl<'a> LegacyResult<'a> {
    pub(crate) fn of(result: Option<&'a RawValue>) -> Self {
        let stored = result.and_then(|raw| serde_json::from_str::<Stored<'_>>(raw.get()).ok());
        match stored {
            Some(Stored { flashcards, token_usage }) => {
                Self::Cards(LegacyCards { success: true, flashcards, token_usage, from_cache: false })
            }
            None => Self::Other(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(result: &str) -> String {
        let raw = RawValue::from_string(result.to_owned()).unwrap();
        serde_json::to_string(&LegacyResult::of(Some(&raw))).unwrap()
    }

    #[test]
    fn cards_are_passed_on_byte_by_byte() {
        let expected = r#"{"success":true,"flashcards":[{"front": "Ω"}],"tokenUsage":7}"#;
        for others in [r#","model":"m""#, r#","requested":10,"returned":1"#] {
            assert_eq!(written(&format!(r#"{{"flashcards":[{{"front": "Ω"}}],"tokenUsage":7{others}}}"#)), expected);
        }
    }

    #[test]
    fn another_kind_s_result_is_left_alone() {
        assert_eq!(written(r#"{"assessment":{}}"#), r#"{"assessment":{}}"#);
        assert_eq!(serde_json::to_string(&LegacyResult::of(None)).unwrap(), "null");
    }
}
