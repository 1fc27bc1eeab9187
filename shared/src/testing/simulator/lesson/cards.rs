//! Cards of a lesson.

use super::{
    bounds::Bounds,
    glossary,
    prompt::Lesson,
    sentences::excerpt,
    terms::{Term, terms},
};

/// What is known about a card, before the schema gives it its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) front: String,
    pub(super) back: String,
    pub(super) topic: String,
    pub(super) example: String,
    pub(super) pronunciation: Option<&'static str>,
    /// From 0, the easiest, to 2.
    pub(super) level: usize,
}

/// Cards of the lesson, as many as the bounds and the text allow. A text of too few words gives the same cards again
/// until there are `least`.
pub(super) fn cards(lesson: &Lesson, bounds: Bounds) -> Vec<Card> {
    let mut found = terms(&lesson.text, bounds.most, bounds.least, &lesson.avoid_fronts);
    if found.is_empty() && bounds.least > 0 {
        found.push(Term { front: "lesson", sentence: "There is no word in this lesson." });
    }
    let topics = topics(lesson, bounds.topics);
    let count = found.len().max(bounds.least);
    let cards = found.iter().cycle().take(count).enumerate();
    cards.map(|(n, term)| card(term, topics[n % topics.len()].clone(), lesson)).collect()
}

fn card(term: &Term<'_>, topic: String, lesson: &Lesson) -> Card {
    let translation = glossary::translate(term.front, &lesson.target_language, &lesson.native_language);
    Card {
        front: term.front.to_owned(),
        back: translation.text,
        topic,
        example: excerpt(term.sentence, term.front),
        pronunciation: translation.pronunciation,
        level: match term.front.chars().count() {
            ..=6 => 0,
            7..=10 => 1,
            _ => 2,
        },
    }
}

/// The given topic, or as many as are wanted: those found before, then others out of the text. Never empty.
fn topics(lesson: &Lesson, wanted: usize) -> Vec<String> {
    if wanted == 0 {
        return vec![lesson.topic.clone()];
    }
    let mut topics: Vec<String> = lesson.known_topics.iter().take(wanted).cloned().collect();
    let taken = topics.iter().map(|topic| topic.to_lowercase()).collect();
    let missing = wanted - topics.len();
    topics.extend(terms(&lesson.text, missing, missing, &taken).iter().map(|term| capitalised(term.front)));
    for n in topics.len()..wanted {
        topics.push(format!("Topic {}", n + 1));
    }
    topics
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn lesson(text: &str, topic: &str) -> Lesson {
        Lesson { topic: topic.to_owned(), ..Lesson::read(text) }
    }

    #[test]
    fn a_card_translates_its_term_and_quotes_the_text() {
        let made = cards(&lesson("Every leaf is\nthin.", "Plants"), Bounds { least: 1, most: 1, topics: 0 });
        let expected = Card {
            front: "leaf".to_owned(),
            back: "Blatt".to_owned(),
            topic: "Plants".to_owned(),
            example: "Every leaf is thin.".to_owned(),
            pronunciation: Some("/liːf/"),
            level: 0,
        };
        assert_eq!(made, [expected]);
    }

    #[test]
    fn found_topics_are_distinct_and_share_the_cards() {
        let text = "Chlorophyll absorbs light. Stomata release oxygen. Roots drink water from brown soil.";
        let made = cards(&lesson(text, "AI Selection"), Bounds { least: 15, most: 15, topics: 3 });
        let topics: HashSet<&str> = made.iter().map(|card| card.topic.as_str()).collect();
        assert_eq!((made.len(), topics.len()), (15, 3));
        for topic in topics {
            assert_eq!(made.iter().filter(|card| card.topic == topic).count(), 5, "{topic}");
        }
    }

    #[test]
    fn topics_found_before_are_used_again() {
        let mut lesson = lesson("Chlorophyll absorbs light. Stomata release oxygen.", "AI Selection");
        lesson.known_topics = vec!["Chlorophyll".to_owned()];
        let topics = topics(&lesson, 2);
        assert_eq!((topics[0].as_str(), topics.len()), ("Chlorophyll", 2));
        assert_ne!(topics[1], "Chlorophyll");
    }

    #[test]
    fn there_are_never_too_few() {
        for text in ["", "Yes.", "?!"] {
            assert_eq!(cards(&lesson(text, "x"), Bounds { least: 10, most: 20, topics: 0 }).len(), 10, "{text:?}");
        }
        assert_eq!(cards(&lesson("", "x"), Bounds { least: 0, most: 20, topics: 0 }), []);
    }
}
