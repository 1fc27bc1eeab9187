//! The shape of the answer, within the subset of strict structured outputs:
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.

use serde_json::{Value, json};
use shared::job::kinds::Difficulty;

/// Its name on the wire.
pub(super) const NAME: &str = "flashcards";

/// An object with `min` to `max` cards.
pub(super) fn schema(min: usize, max: usize) -> Value {
    let text = || json!({"type": "string"});
    let card = json!({
        "type": "object",
        "properties": {
            "front": text(),
            "back": text(),
            "topic": text(),
            "difficulty": {"type": "string", "enum": Difficulty::ALL.map(Difficulty::as_str)},
            "example": text(),
            "pronunciation": {"type": ["string", "null"]},
        },
        "required": ["front", "back", "topic", "difficulty", "example", "pronunciation"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {"cards": {"type": "array", "items": card, "minItems": min, "maxItems": max}},
        "required": ["cards"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object of a strict schema requires all its properties and allows no others.
    fn assert_strict(schema: &Value) {
        if let Some(properties) = schema.get("properties") {
            let mut names: Vec<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
            let mut required: Vec<&str> =
                schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            names.sort_unstable();
            required.sort_unstable();
            assert_eq!(names, required);
            assert_eq!(schema["additionalProperties"], false);
        }
        for inner in schema.as_object().into_iter().flat_map(|object| object.values()) {
            assert_strict(inner);
        }
    }

    #[test]
    fn it_is_strict_and_carries_the_bounds() {
        let schema = schema(10, 12);
        assert_strict(&schema);
        assert_eq!(
            (&schema["properties"]["cards"]["minItems"], &schema["properties"]["cards"]["maxItems"]),
            (&json!(10), &json!(12))
        );
        assert_eq!(
            schema.pointer("/properties/cards/items/properties/pronunciation/type"),
            Some(&json!(["string", "null"]))
        );
    }
}
