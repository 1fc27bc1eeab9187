//! What makes a card good.

use serde::Deserialize;
use serde_json::Value;
use shared::job::kinds::{Difficulty, Flashcard, GenerateFlashcards};
use unicode_normalization::UnicodeNormalization;

use super::{
    folding::{find, is_invisible, key},
    latex::without_controls,
    placeholder::is_placeholder,
    problem::Problem,
};

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
    /// The language learned, by its English name. Where it is the learner's own, a term is
    /// explained and not translated.
    pub(super) target_language: &'a str,
    /// The learner's own language.
    pub(super) native_language: &'a str,
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
        let mut front = field(&draft.front, FRONT_MAX)?;
        let back = field(&draft.back, BACK_MAX)?;
        let example = field(&draft.example, EXAMPLE_MAX)?;
        if is_placeholder(&front, self.target_language, &back) || is_placeholder(&back, self.native_language, &front) {
            return Err(Problem::Placeholder);
        }
        let topic = self.topic_of(&draft.topic)?;
        let pronunciation = pronunciation(draft.pronunciation.as_deref())?;
        let written = draft.difficulty.trim().to_lowercase();
        let difficulty =
            Difficulty::ALL.into_iter().find(|level| level.as_str() == written).ok_or(Problem::UnknownDifficulty)?;
        if self.target_language == self.native_language && key(&back) == key(&front) {
            return Err(Problem::BackEqualsFront);
        }
        if spoken(&example) == spoken(&front) {
            return Err(Problem::ExampleIsFront);
        }
        if !example.contains(&front) {
            // Typography differs: the example's is used, since the app searches it for the term.
            let place = find(&front, &example).ok_or(Problem::ExampleLacksFront)?;
            front = field(&example[place], FRONT_MAX)?;
        }
        Ok(Flashcard { front, back, topic, difficulty, example, pronunciation })
    }

    /// A topic that is given is set, whatever the model wrote: that is no reason to pay for the card again.
    fn topic_of(&self, written: &str) -> Result<String, Problem> {
        if let Some(topic) = self.topic {
            return Ok(topic.to_owned());
        }
        let topic = field(written, TOPIC_MAX)?;
        let none =
            key(&topic) == key(GenerateFlashcards::AI_SELECTION) || is_placeholder(&topic, self.native_language, "");
        if none { Err(Problem::TopicNotFound) } else { Ok(topic) }
    }
}

/// The text in NFC, without control characters, invisible characters at its ends, and those that
/// only allow or forbid a line break.
fn field(text: &str, longest: usize) -> Result<String, Problem> {
    let text = without_controls(text)?;
    let breaks = |c: &char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}');
    let text: String = text.chars().filter(|c| !breaks(c)).nfc().collect();
    if text.chars().all(is_invisible) {
        return Err(Problem::EmptyField);
    }
    // Selectors change the sign before them, as in a red heart.
    let selects = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{e0020}'..='\u{e01ef}');
    let mut text = text.trim_matches(|c: char| is_invisible(c) && !selects(c)).to_owned();
    while let Some(at) = text.find("  ") {
        text.remove(at);
    }
    if text.chars().count() > longest { Err(Problem::FieldTooLong) } else { Ok(text) }
}

/// `None` for null, and for everything else that models write instead of it.
fn pronunciation(written: Option<&str>) -> Result<Option<String>, Problem> {
    match written.map(|text| field(text, PRONUNCIATION_MAX)) {
        None | Some(Err(Problem::EmptyField)) => Ok(None),
        Some(text) => Ok(Some(text?).filter(|text| !is_placeholder(text, "", ""))),
    }
}

/// Letters and digits only, or the signs where there are none.
fn spoken(text: &str) -> String {
    let key = key(text);
    let words: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
    if words.is_empty() { key } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FOUND: CardRules<'_> = CardRules { topic: None, target_language: "German", native_language: "English" };
    const GIVEN: CardRules<'_> = CardRules { topic: Some("Food"), ..FOUND };

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
        let rules = CardRules { native_language: "German", ..FOUND };
        assert_eq!(rules.check(&same), Err(Problem::BackEqualsFront));
        assert!(rules.check(&card()).is_ok());
    }

    #[test]
    fn what_can_not_be_used_as_it_is_written_is_a_problem_of_its_card() {
        use Problem::{ControlCharacter, EmptyField, ExampleIsFront, ExampleLacksFront, Placeholder, TopicNotFound};
        let table = [
            (with("front", "\u{200b}"), EmptyField),
            (with("back", "\u{200e}\u{2800} \u{fe0f}"), EmptyField),
            (with("example", "\u{3164}"), EmptyField),
            (with("back", "\u{c}ractal"), ControlCharacter),
            (with("example", "Das Brot\u{0} ist da."), ControlCharacter),
            (with("pronunciation", "\u{1b}"), ControlCharacter),
            (with("back", "N/A"), Placeholder),
            (with("back", "\u{200b}…"), Placeholder),
            (with("front", "-"), Placeholder),
            (with("topic", "N/A"), TopicNotFound),
            (with("example", "Brot"), ExampleIsFront),
            (with("example", "„Brot!“"), ExampleIsFront),
            (with("example", "brot."), ExampleIsFront),
            (with("example", "Das brot."), ExampleLacksFront),
        ];
        for (card, problem) in table {
            assert_eq!(FOUND.check(&card), Err(problem), "{card}");
        }
    }

    #[test]
    fn the_term_is_spelled_as_in_its_example() {
        for (front, example, spelled) in [
            ("l'eau", "Voici l’eau ici.", "l’eau"),
            ("l’eau", "Voici l'eau ici.", "l'eau"),
            ("trente ans", "J’ai trente\u{a0}ans.", "trente\u{a0}ans"),
            ("\u{200f}מים", "הנה מים.", "מים"),
            ("كتاب", "هذا كِتَاب.", "كِتَاب"),
            ("l'\u{ad}eau", "Voici l'eau\u{200b}.", "l'eau"),
            ("pomme  de terre", "Une pomme de terre.", "pomme de terre"),
            ("$\u{c}rac{1}{2}$", "Man schreibt $\u{c}rac{1}{2}$ so.", r"$\frac{1}{2}$"),
            ("❤\u{fe0f}", "Das ❤\u{fe0f} steht da.", "❤\u{fe0f}"),
        ] {
            let mut written = with("front", front);
            written["example"] = example.into();
            let card = FOUND.check(&written).unwrap_or_else(|problem| panic!("{front}: {problem:?}"));
            assert_eq!(card.front, spelled);
            assert!(card.example.contains(&card.front), "{front}");
            // A card that was recorded is checked again.
            assert_eq!(FOUND.check(&serde_json::to_value(&card).unwrap()), Ok(card));
        }
    }

    #[test]
    fn no_pronunciation_is_written_in_many_ways() {
        for none in ["", " ", "N/A", "-", "null", "\u{200b}"] {
            assert_eq!(FOUND.check(&with("pronunciation", none)).map(|card| card.pronunciation), Ok(None), "{none:?}");
        }
    }
}
