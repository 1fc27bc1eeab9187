//! What makes a card good.

use serde::Deserialize;
use serde_json::Value;
use shared::job::kinds::{Difficulty, Flashcard, GenerateFlashcards};
use unicode_normalization::UnicodeNormalization;

use super::problem::Problem;

const FRONT_MAX: usize = 120;
const BACK_MAX: usize = 240;
const EXAMPLE_MAX: usize = 600;
const TOPIC_MAX: usize = 120;
const PRONUNCIATION_MAX: usize = 120;

/// What a card of this job must be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct CardRules<'a> {
    /// The topic that every card carries; `None` where the model finds topics.
    pub(super) topic: Option<&'a str>,
    /// The language learned is the learner's own, so that a term is explained and not translated. Between two languages
    /// term and translation may be spelled alike: "Hotel" is "hotel" in both.
    pub(super) same_language: bool,
}

/// A card as the model wrote it.
#[derive(Deserialize)]
struct Draft {
    front: String,
    back: String,
    #[serde(default)]
    topic: String,
    difficulty: String,
    example: String,
    #[serde(default)]
    pronunciation: Option<String>,
}

impl CardRules<'_> {
    /// The card in normal form, or the first thing that is wrong with it.
    pub(super) fn check(&self, card: &Value) -> Result<Flashcard, Problem> {
        let draft = Draft::deserialize(card).map_err(|_| Problem::Malformed)?;
        let front = field(&draft.front, FRONT_MAX)?;
        let back = field(&draft.back, BACK_MAX)?;
        let example = field(&draft.example, EXAMPLE_MAX)?;
        let topic = self.topic_of(&draft.topic)?;
        let pronunciation = match draft.pronunciation.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(field(text, PRONUNCIATION_MAX)?),
        };
        let written = draft.difficulty.trim().to_lowercase();
        let difficulty =
            Difficulty::ALL.into_iter().find(|level| level.as_str() == written).ok_or(Problem::UnknownDifficulty)?;
        if self.same_language && key(&back) == key(&front) {
            return Err(Problem::BackEqualsFront);
        }
        if !example.contains(&front) {
            return Err(Problem::ExampleLacksFront);
        }
        Ok(Flashcard { front, back, topic, difficulty, example, pronunciation })
    }

    /// A topic that is given is set, whatever the model wrote: that is no reason to pay for the card again.
    fn topic_of(&self, written: &str) -> Result<String, Problem> {
        if let Some(topic) = self.topic {
            return Ok(topic.to_owned());
        }
        let topic = field(written, TOPIC_MAX)?;
        if key(&topic) == key(GenerateFlashcards::AI_SELECTION) { Err(Problem::TopicNotFound) } else { Ok(topic) }
    }
}

/// The text in normal form C without blanks around it.
fn field(text: &str, longest: usize) -> Result<String, Problem> {
    let text: String = text.trim().nfc().collect();
    match text.chars().count() {
        0 => Err(Problem::EmptyField),
        length if length > longest => Err(Problem::FieldTooLong),
        _ => Ok(text),
    }
}

/// Two fronts, or two topics, with the same key are the same to a reader: letter case, blanks around them and the
/// encoding of accents make no difference.
pub(super) fn key(text: &str) -> String {
    let lower = text.trim().nfc().collect::<String>().to_lowercase();
    lower.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FOUND: CardRules<'_> = CardRules { topic: None, same_language: false };
    const GIVEN: CardRules<'_> = CardRules { topic: Some("Food"), same_language: false };

    fn card() -> Value {
        json!({"front": "Brot", "back": "bread", "topic": "Baking", "difficulty": "beginner",
               "example": "Das Brot ist frisch.", "pronunciation": null})
    }

    fn with(field: &str, value: impl Into<Value>) -> Value {
        let mut card = card();
        card[field] = value.into();
        card
    }

    #[test]
    fn what_is_wrong_is_told() {
        use Problem::{EmptyField, ExampleLacksFront, FieldTooLong, Malformed, TopicNotFound, UnknownDifficulty};
        let long_example = format!("Brot {}", "x".repeat(600));
        let mut no_back = card();
        no_back.as_object_mut().unwrap().remove("back");
        let table = [
            (json!("Brot"), Malformed),
            (json!(null), Malformed),
            (no_back, Malformed),
            (with("front", 7), Malformed),
            (with("pronunciation", json!(["a"])), Malformed),
            (with("front", " \u{3000}"), EmptyField),
            (with("back", ""), EmptyField),
            (with("example", "\n"), EmptyField),
            (with("topic", ""), EmptyField),
            (with("front", "x".repeat(121)), FieldTooLong),
            (with("back", "é".repeat(241)), FieldTooLong),
            (with("example", long_example), FieldTooLong),
            (with("topic", "x".repeat(121)), FieldTooLong),
            (with("pronunciation", "x".repeat(121)), FieldTooLong),
            (with("difficulty", "easy"), UnknownDifficulty),
            (with("example", "Die Brote sind frisch.".replace("Brot", "brot")), ExampleLacksFront),
            (with("example", "Fresh bread."), ExampleLacksFront),
            (with("topic", "ai selection"), TopicNotFound),
        ];
        for (card, problem) in table {
            assert_eq!(FOUND.check(&card), Err(problem), "{card}");
        }
    }

    #[test]
    fn a_good_card_comes_out_in_normal_form() {
        // `é` as one letter in the term and as two code points in the example.
        let mut written = with("front", " Caf\u{e9} ");
        written["example"] = json!("Das Cafe\u{301} ist offen. ");
        written["difficulty"] = json!("Expert");
        written["pronunciation"] = json!(" ka'feː ");
        let card = FOUND.check(&written).unwrap();
        assert_eq!((card.front.as_str(), card.example.as_str()), ("Café", "Das Café ist offen."));
        assert_eq!((card.difficulty, card.pronunciation.as_deref()), (Difficulty::Expert, Some("ka'feː")));
        assert_eq!(FOUND.check(&with("pronunciation", " ")).unwrap().pronunciation, None);
    }

    #[test]
    fn caps_count_characters_and_not_bytes() {
        assert!(FOUND.check(&with("back", "ก".repeat(240))).is_ok());
    }

    #[test]
    fn a_given_topic_is_set() {
        for topic in ["Baking", "", "AI Selection"] {
            assert_eq!(GIVEN.check(&with("topic", topic)).unwrap().topic, "Food");
        }
    }

    #[test]
    fn a_translation_may_be_spelled_like_the_term_and_an_explanation_may_not() {
        let same = with("back", "BROT");
        assert!(FOUND.check(&same).is_ok());
        let rules = CardRules { same_language: true, ..FOUND };
        assert_eq!(rules.check(&same), Err(Problem::BackEqualsFront));
        assert!(rules.check(&card()).is_ok());
    }

    #[test]
    fn keys_ignore_case_blanks_and_encoding() {
        for (a, b) in [("Straße ", "straße"), ("CAFÉ", "cafe\u{301}"), ("ΣΟΦΟΣ", "σοφος"), ("Ａ", "ａ")]
        {
            assert_eq!(key(a), key(b), "{a}");
        }
        assert_ne!(key("schon"), key("schön"));
    }
}
