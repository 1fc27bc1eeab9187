//! The content of the assistant's message.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{bounds::Bounds, cards::cards, fill::Filler, prompt::Lesson};

/// What kind of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Variant {
    /// As asked for.
    Proper,
    /// Every front is neither in its example nor in the text.
    Invalid,
    /// Two, however many were asked for.
    Few,
}

/// The content that answers `message`: JSON by the schema, by our own schema when any JSON will do, text otherwise.
pub(in super::super) fn content(message: &str, format: &Format<'_>, variant: Variant) -> String {
    let lesson = Lesson::read(message);
    let own;
    let schema = match format {
        Format::Schema(schema) => *schema,
        Format::AnyJson | Format::Text => {
            own = own_schema();
            &own
        }
    };
    let filler = Filler::new(schema);
    let items = |key| {
        let bound = filler.cards_property()?.1.get(key)?.as_u64()?;
        usize::try_from(bound).ok()
    };
    let mut cards = cards(&lesson, Bounds::new(&lesson, items("minItems"), items("maxItems")));
    match variant {
        Variant::Proper => {}
        Variant::Invalid => {
            for (n, card) in cards.iter_mut().enumerate() {
                let _ = write!(card.front, " #{}", n + 1);
            }
        }
        Variant::Few => cards.truncate(2),
    }
    match format {
        Format::Text => cards.iter().flat_map(|card| [&card.front, ": ", &card.back, "\n"]).collect(),
        _ => filler.answer(&cards).to_string(),
    }
}

/// How the answer is to look.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Format<'a> {
    /// Plain text.
    Text,
    /// Some JSON object.
    AnyJson,
    /// What this JSON schema accepts.
    Schema(&'a Value),
}

fn own_schema() -> Value {
    let properties: serde_json::Map<_, _> = ["front", "back", "topic", "example"]
        .into_iter()
        .map(|name| (name.to_owned(), json!({"type": "string"})))
        .collect();
    json!({"type": "object", "properties": {
        "cards": {"type": "array", "items": {"type": "object", "properties": properties}}
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A chloroplast is full of chlorophyll. Every plant cell has a nucleus.";

    fn fronts(variant: Variant) -> Vec<String> {
        let answer: Value = serde_json::from_str(&content(TEXT, &Format::AnyJson, variant)).unwrap();
        let cards = answer["cards"].as_array().unwrap();
        cards.iter().map(|card| card["front"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn variants_differ_in_what_they_break() {
        assert!(fronts(Variant::Proper).iter().all(|front| TEXT.contains(front)));
        assert!(fronts(Variant::Invalid).iter().all(|front| !TEXT.contains(front)));
        assert_eq!(fronts(Variant::Few).len(), 2);
    }

    #[test]
    fn text_is_text() {
        assert!(content(TEXT, &Format::Text, Variant::Proper).contains("nucleus: Zellkern\n"));
    }
}
