//! What the prompt asks for.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// A lesson and what is wanted of it.
///
/// Our worker's last user message is a JSON object with these keys and the lesson under `text`. Any other message is the
/// lesson itself. A key that is absent, null or of another type is as good as none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lesson {
    pub(super) text: String,
    pub(super) topic: String,
    pub(super) target_language: String,
    pub(super) native_language: String,
    pub(super) min_cards: Option<usize>,
    pub(super) max_cards: Option<usize>,
    pub(super) min_topics: Option<usize>,
    pub(super) max_topics: Option<usize>,
    pub(super) cards_per_topic: Option<usize>,
    /// In lower case.
    pub(super) avoid_fronts: HashSet<String>,
    /// Topics found before, in other parts of the text.
    pub(super) known_topics: Vec<String>,
}

impl Lesson {
    /// Reads the last user message.
    pub(super) fn read(message: &str) -> Self {
        match serde_json::from_str::<Map<String, Value>>(message) {
            Ok(mut fields) if fields.get("text").is_some_and(Value::is_string) => Self::from_fields(&mut fields),
            _ => Self {
                text: message.to_owned(),
                topic: "General".to_owned(),
                target_language: "English".to_owned(),
                native_language: "German".to_owned(),
                ..Self::default()
            },
        }
    }

    fn from_fields(fields: &mut Map<String, Value>) -> Self {
        let number = |name| fields.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let string = |name| fields.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let list = |name| fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        Self {
            topic: string("topic").or(string("subject")).unwrap_or("General").to_owned(),
            target_language: string("target_language").unwrap_or("English").to_owned(),
            native_language: string("native_language").unwrap_or("German").to_owned(),
            min_cards: number("min_cards"),
            max_cards: number("max_cards"),
            min_topics: number("min_topics"),
            max_topics: number("max_topics"),
            cards_per_topic: number("cards_per_topic"),
            avoid_fronts: list("avoid_fronts").map(str::to_lowercase).collect(),
            known_topics: list("known_topics").map(str::to_owned).collect(),
            text: match fields.remove("text") {
                Some(Value::String(text)) => text,
                _ => String::new(),
            },
        }
    }

    /// Whether the topics are to be found in the text.
    pub(super) fn finds_topics(&self) -> bool {
        self.topic.trim().eq_ignore_ascii_case("AI Selection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_our_worker_sends() {
        let message = r#"{"topic": "Leaves", "native_language": "French", "min_cards": 5, "max_cards": null,
            "min_topics": "three", "avoid_fronts": ["Stem", 1], "known_topics": ["Roots"], "text": "A leaf."}"#;
        let expected = Lesson {
            text: "A leaf.".to_owned(),
            topic: "Leaves".to_owned(),
            target_language: "English".to_owned(),
            native_language: "French".to_owned(),
            min_cards: Some(5),
            avoid_fronts: HashSet::from(["stem".to_owned()]),
            known_topics: vec!["Roots".to_owned()],
            ..Lesson::default()
        };
        assert_eq!(Lesson::read(message), expected);
    }

    #[test]
    fn anything_else_is_the_lesson() {
        for message in ["A leaf.", r#"{"content": "A leaf."}"#, "[1]", ""] {
            assert_eq!(Lesson::read(message).text, message);
        }
    }
}
