//! A value that should be true or false, read without failing, so that the field that is wrong can be named.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use crate::error::ApiError;

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Is(bool),
    Other,
}

impl Flag {
    pub(super) fn checked(self, field: &'static str) -> Result<bool, ApiError> {
        match self {
            Self::Is(value) => Ok(value),
            Self::Other => Err(ApiError::bad_field(field, "invalid_type", format!("`{field}` must be true or false"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyValue {
    Bool(bool),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match AnyValue::deserialize(deserializer)? {
            AnyValue::Bool(value) => Self::Is(value),
            AnyValue::Other(IgnoredAny) => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whatever_stands_there() {
        for (json, expected) in [
            ("true", Flag::Is(true)),
            ("false", Flag::Is(false)),
            ("1", Flag::Other),
            (r#""true""#, Flag::Other),
            (r#"[true,{"a":1}]"#, Flag::Other),
        ] {
            assert_eq!(serde_json::from_str::<Flag>(json).unwrap(), expected, "{json}");
        }
    }
}
