//! A value that a JSON schema accepts, filled with what is known about a card.

use serde_json::{Map, Value, json};

use super::cards::Card;

/// Deeper schemas are cut off: they may contain themselves.
const DEEPEST: usize = 10;

/// A schema and the values that it asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filler<'a> {
    root: &'a Value,
}

impl<'a> Filler<'a> {
    pub(super) const fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// The first property of the root that is an array of objects, with its schema.
    pub(super) fn cards_property(self) -> Option<(&'a str, &'a Value)> {
        let properties = self.resolve(self.root).get("properties")?.as_object()?;
        properties.iter().map(|(name, schema)| (name.as_str(), self.resolve(schema))).find(|(_, schema)| {
            schema.get("items").is_some_and(|items| self.resolve(items).get("properties").is_some())
        })
    }

    /// The whole answer: the cards where they belong, everything else by its type.
    pub(super) fn answer(self, cards: &[Card]) -> Value {
        let property = self.cards_property();
        let Value::Object(mut answer) = self.value("", self.root, cards.first(), 0) else { return Value::Null };
        if let Some((name, schema)) = property {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let filled = cards.iter().map(|card| self.value(name, items, Some(card), 1));
            answer.insert(name.to_owned(), filled.collect());
        }
        Value::Object(answer)
    }

    fn resolve(self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        target.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn value(self, name: &str, schema: &'a Value, card: Option<&Card>, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return choose(name, choices, card);
        }
        if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
            let nullable = choices.iter().any(|choice| has_type(choice, "null"));
            let first = choices.iter().find(|choice| !has_type(choice, "null"));
            return match (known(name, card), first) {
                (Known::Absent, _) if nullable => Value::Null,
                (_, Some(first)) if depth < DEEPEST => self.value(name, first, card, depth + 1),
                _ => Value::Null,
            };
        }
        if has_type(schema, "string") {
            return match known(name, card) {
                Known::Text(text) => text.into(),
                Known::Absent if has_type(schema, "null") => Value::Null,
                _ => name.into(),
            };
        }
        self.by_type(name, schema, card, depth)
    }

    fn by_type(self, name: &str, schema: &'a Value, card: Option<&Card>, depth: usize) -> Value {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            if depth >= DEEPEST {
                return json!({});
            }
            let fill =
                |(name, schema): (&'a String, &'a Value)| (name.clone(), self.value(name, schema, card, depth + 1));
            return Value::Object(properties.iter().map(fill).collect::<Map<_, _>>());
        }
        if let Some(items) = schema.get("items").filter(|_| depth < DEEPEST) {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            return (0..least).map(|_| self.value(name, items, card, depth + 1)).collect();
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => json!({}),
            Some("array") => json!([]),
            Some("boolean") => json!(false),
            _ if has_type(schema, "null") => Value::Null,
            _ => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        }
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// What the card says about a property.
#[derive(Debug, Clone, Copy)]
enum Known<'c> {
    Text(&'c str),
    /// The card has none.
    Absent,
    /// The card does not know this property.
    Unknown,
}

fn known<'c>(name: &str, card: Option<&'c Card>) -> Known<'c> {
    let Some(card) = card else { return Known::Unknown };
    match name {
        "front" => Known::Text(&card.front),
        "back" => Known::Text(&card.back),
        "topic" => Known::Text(&card.topic),
        "example" => Known::Text(&card.example),
        "pronunciation" => card.pronunciation.map_or(Known::Absent, Known::Text),
        _ => Known::Unknown,
    }
}

/// The first choice, or for the difficulty the one that the card's level stands for.
fn choose(name: &str, choices: &[Value], card: Option<&Card>) -> Value {
    let position = match card {
        Some(card) if name == "difficulty" => card.level * choices.len() / 3,
        _ => 0,
    };
    choices.get(position).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card {
            front: "leaf".to_owned(),
            back: "Blatt".to_owned(),
            topic: "Plants".to_owned(),
            example: "A leaf.".to_owned(),
            pronunciation: None,
            level: 2,
        }
    }

    #[test]
    fn known_properties_by_name_and_others_by_type() {
        let schema = json!({"type": "object", "properties": {
            "cards": {"type": "array", "items": {"$ref": "#/$defs/card"}},
            "count": {"type": "integer", "minimum": 3},
            "notes": {"type": "array", "minItems": 2, "items": {"type": "string"}},
        }, "$defs": {"card": {"type": "object", "properties": {
            "front": {"type": "string"},
            "difficulty": {"type": "string", "enum": ["beginner", "intermediate", "expert"]},
            "pronunciation": {"type": ["string", "null"]},
            "hint": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "kind": {"const": "noun"},
        }}}});
        let filler = Filler::new(&schema);
        assert_eq!(filler.cards_property().map(|(name, _)| name), Some("cards"));
        let expected = json!({
            "cards": [{"front": "leaf", "difficulty": "expert", "pronunciation": null, "hint": false, "kind": "noun"}],
            "count": 3,
            "notes": ["notes", "notes"],
        });
        assert_eq!(filler.answer(&[card()]), expected);
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}, "front": {"type": "string"}}});
        assert_eq!(Filler::new(&schema).answer(&[card()])["next"]["next"]["front"], "leaf");
    }
}
