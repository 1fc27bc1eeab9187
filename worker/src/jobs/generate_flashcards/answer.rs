//! The model's answer, taken apart: good cards, and what was wrong with the others.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use shared::job::kinds::Flashcard;

use super::{
    card::{CardRules, key},
    limits::CARDS_MAX,
    problem::{Problem, Problems},
};

/// What the job's cards hold so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    fronts: HashSet<String>,
    /// Topics by key, as they were spelled first.
    topics: HashMap<String, String>,
}

impl Seen {
    /// What these cards hold.
    pub(super) fn of<'a>(cards: impl IntoIterator<Item = &'a Flashcard>) -> Self {
        let mut seen = Self::default();
        for card in cards {
            seen.fronts.insert(key(&card.front));
            seen.topics.entry(key(&card.topic)).or_insert_with(|| card.topic.clone());
        }
        seen
    }

    /// How many different fronts.
    pub(super) fn fronts(&self) -> usize {
        self.fronts.len()
    }

    /// Takes a card whose front is new, with the spelling that its topic had first.
    fn take(&mut self, mut card: Flashcard) -> Result<Flashcard, Problem> {
        if !self.fronts.insert(key(&card.front)) {
            return Err(Problem::DuplicateFront);
        }
        card.topic.clone_from(self.topics.entry(key(&card.topic)).or_insert(card.topic.clone()));
        Ok(card)
    }
}

/// Reads an answer. Nothing is too broken to be read: then there are no cards, and the problem says why.
pub(super) fn read(content: &str, rules: CardRules<'_>, seen: &mut Seen) -> (Vec<Flashcard>, Problems) {
    let mut problems = Problems::default();
    let mut good = Vec::new();
    match drafts(content) {
        Err(problem) => problems.add(problem, 1),
        Ok(drafts) => {
            // A gateway that ignores the schema may send more than the job can hold.
            for draft in drafts.iter().take(2 * CARDS_MAX) {
                match rules.check(draft).and_then(|card| seen.take(card)) {
                    Ok(card) => good.push(card),
                    Err(problem) => problems.add(problem, 1),
                }
            }
        }
    }
    (good, problems)
}

fn drafts(content: &str) -> Result<Vec<Value>, Problem> {
    let mut answer: Value = serde_json::from_str(content).map_err(|_| Problem::NotJson)?;
    match answer.get_mut("cards").map(Value::take) {
        Some(Value::Array(cards)) => Ok(cards),
        _ => Err(Problem::WrongShape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::{card, content};

    const RULES: CardRules<'_> = CardRules { topic: None, same_language: false };

    fn told(content: &str) -> String {
        read(content, RULES, &mut Seen::default()).1.to_string()
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        for (content, problem) in [
            ("", "not_json ×1"),
            ("Here are your cards:", "not_json ×1"),
            (r#"{"cards": ["#, "not_json ×1"),
            ("[]", "wrong_shape ×1"),
            ("null", "wrong_shape ×1"),
            (r#"{"cards": {}}"#, "wrong_shape ×1"),
            (r#"{"cards": [1, {}, "x"]}"#, "malformed ×3"),
            (r#"{"cards": []}"#, ""),
        ] {
            assert_eq!(told(content), problem, "{content}");
        }
    }

    #[test]
    fn fronts_are_unique_over_the_whole_job() {
        let mut seen = Seen::of([&card("Blatt", "T")]);
        let written = content(&[card("BLATT", "T"), card("Stiel", "T"), card("stiel ", "T"), card("Wurzel", "T")]);
        let (good, problems) = read(&written, RULES, &mut seen);
        let fronts: Vec<&str> = good.iter().map(|card| card.front.as_str()).collect();
        assert_eq!(fronts, ["Stiel", "Wurzel"]);
        assert_eq!(problems.to_string(), "duplicate_front ×2");
    }

    #[test]
    fn a_topic_keeps_its_first_spelling() {
        let mut seen = Seen::of([&card("a", "Photosynthese")]);
        let written = content(&[card("b", "photosynthese "), card("c", "Zelle"), card("d", "ZELLE")]);
        let (good, _) = read(&written, RULES, &mut seen);
        let topics: Vec<&str> = good.iter().map(|card| card.topic.as_str()).collect();
        assert_eq!(topics, ["Photosynthese", "Zelle", "Zelle"]);
    }

    #[test]
    fn a_flood_of_cards_is_bounded() {
        let flood: Vec<_> = (0..1_000).map(|i| card(&format!("w{i}"), "T")).collect();
        assert_eq!(read(&content(&flood), RULES, &mut Seen::default()).0.len(), 2 * CARDS_MAX);
    }
}
