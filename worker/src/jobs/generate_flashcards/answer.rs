//! The model's answer, taken apart: good cards, and what was wrong with the others.

use std::collections::{HashMap, HashSet};

use shared::job::kinds::Flashcard;

use super::{
    card::CardRules,
    card_list,
    folding::key,
    limits::CARDS_MAX,
    problem::{Problem, Problems},
};

/// Backs may equal their fronts ("Hotel" is "hotel") on this many cards, and on one of three.
const REPEATED_MAX: usize = 2;
const REPEATED_SHARE: usize = 3;

/// What the job's cards hold so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    fronts: HashSet<String>,
    /// Topics by key, as they were spelled first.
    topics: HashMap<String, String>,
    /// Cards whose back repeats the front.
    repeated: usize,
}

impl Seen {
    /// What these cards hold.
    pub(super) fn of<'a>(cards: impl IntoIterator<Item = &'a Flashcard>) -> Self {
        let mut seen = Self::default();
        for card in cards {
            seen.fronts.insert(key(&card.front));
            seen.topics.entry(key(&card.topic)).or_insert_with(|| card.topic.clone());
            seen.repeated += usize::from(is_repeated(card));
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
        self.repeated += usize::from(is_repeated(&card));
        Ok(card)
    }

    /// Whether more backs equal their fronts than can be right.
    fn is_untranslated(&self) -> bool {
        self.repeated > REPEATED_MAX && self.repeated * REPEATED_SHARE > self.fronts()
    }
}

fn is_repeated(card: &Flashcard) -> bool {
    key(&card.back) == key(&card.front)
}

/// Reads an answer. Nothing is too broken to be read: then there are no cards, and the problem says why.
pub(super) fn read(content: &str, rules: CardRules<'_>, seen: &mut Seen) -> (Vec<Flashcard>, Problems) {
    let mut problems = Problems::default();
    let mut good = Vec::new();
    match card_list::read(content) {
        Err(problem) => problems.add(problem, 1),
        Ok(drafts) => {
            // A gateway that ignores the schema may send more than the job can hold.
            for draft in drafts.into_iter().take(2 * CARDS_MAX) {
                match draft.and_then(|draft| rules.check(&draft)).and_then(|card| seen.take(card)) {
                    Ok(card) => good.push(card),
                    Err(problem) => problems.add(problem, 1),
                }
            }
        }
    }
    if seen.is_untranslated() {
        let all = good.len();
        good.retain(|card| !is_repeated(card));
        problems.add(Problem::BackEqualsFront, all - good.len());
    }
    (good, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::{card, content};

    const RULES: CardRules<'_> = CardRules { topic: None, target_language: "German", native_language: "English" };

    fn told(content: &str) -> String {
        read(content, RULES, &mut Seen::default()).1.to_string()
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        for (content, problem) in [
            ("", "not_json ×1"),
            ("Here are your cards:", "not_json ×1"),
            (r#"{"cards": ["#, "not_json ×1"),
            ("[]", ""),
            ("null", "wrong_shape ×1"),
            (r#"{"cards": {}}"#, "wrong_shape ×1"),
            (r#"{"cards": [1, {}, "x"]}"#, "malformed ×3"),
            (r#"{"cards": [{"front": "\q"}, {"front": "a"}]}"#, "broken_card ×1, malformed ×1"),
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

    #[test]
    fn a_set_that_was_not_translated_is_refused_and_a_hotel_is_a_hotel() {
        let set = |repeated: usize, all: usize| -> Vec<Flashcard> {
            let back = |card: Flashcard| Flashcard { back: card.front.to_uppercase(), ..card };
            let cards = (0..all).map(|i| card(&format!("w{i}"), "T")).enumerate();
            cards.map(|(i, card)| if i < repeated { back(card) } else { card }).collect()
        };
        for (repeated, all, kept) in [(12, 12, 0), (1, 12, 12), (4, 12, 12), (5, 12, 7), (2, 2, 2), (3, 3, 0)] {
            let (good, problems) = read(&content(&set(repeated, all)), RULES, &mut Seen::default());
            assert_eq!(good.len(), kept, "{repeated} of {all}: {problems}");
        }
        // One by one, as the parts of a long text may bring them.
        let mut kept: Vec<Flashcard> = Vec::new();
        for one in set(12, 12) {
            kept.extend(read(&content(&[one]), RULES, &mut Seen::of(&kept)).0);
        }
        assert_eq!(kept.len(), 2);
    }
}
