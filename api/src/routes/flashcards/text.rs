//! A value that should be text, read without failing, so that the field that is wrong can be named.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::error::ApiError;

/// What stands in a field. A value that is not text is dropped while it is read: it costs no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Text(String),
    Other(&'static str),
}

impl Text {
    /// The text, with its white space. NUL ends strings in places that the text travels through, and no lesson has it.
    pub(super) fn checked(self, field: &'static str, max_chars: usize) -> Result<String, ApiError> {
        let text = match self {
            Self::Text(text) => text,
            Self::Other(kind) => {
                let detail = format!("`{field}` must be a string, not {kind}");
                return Err(ApiError::bad_field(field, "invalid_type", detail));
            }
        };
        if text.contains('\0') {
            let detail = format!("`{field}` must not contain NUL characters");
            return Err(ApiError::bad_field(field, "invalid_characters", detail));
        }
        if text.chars().count() > max_chars {
            let detail = format!("`{field}` has more than {max_chars} characters");
            return Err(ApiError::bad_field(field, "too_long", detail));
        }
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
        Ok(Text::Text(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Text, E> {
        Ok(Text::Other("a boolean"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Text, E> {
        Ok(Text::Other("a number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Text, E> {
        Ok(Text::Other("a number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Text, E> {
        Ok(Text::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::Other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whatever_stands_there() {
        for (json, expected) in [
            (r#""a\nb""#, Text::Text("a\nb".to_owned())),
            (r#""ab""#, Text::Text("ab".to_owned())),
            ("true", Text::Other("a boolean")),
            ("-1", Text::Other("a number")),
            ("1e400", Text::Other("a number")),
            ("18446744073709551616", Text::Other("a number")),
            (r#"["a",[]]"#, Text::Other("an array")),
            (r#"{"a":{"b":1}}"#, Text::Other("an object")),
        ] {
            match serde_json::from_str::<Text>(json) {
                Ok(text) => assert_eq!(text, expected, "{json}"),
                // Out of a float's range: JSON's grammar allows it, the parser does not.
                Err(error) => assert!(json == "1e400" && !error.is_data(), "{json}: {error}"),
            }
        }
    }

    #[test]
    fn the_limit_counts_characters_and_not_bytes() {
        assert!(Text::Text("日本語".to_owned()).checked("topic", 3).is_ok());
        assert_eq!(Text::Text("日本語!".to_owned()).checked("topic", 3).unwrap_err().code(), "too_long");
    }
}
