//! How many cards, and how many topics.

use super::prompt::Lesson;

/// Cards when nobody says how many.
const DEFAULT_CARDS: usize = 10;

/// How many cards are made: `least` in any case, up to `most` as the text allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: usize,
    pub(super) most: usize,
    /// Topics to find in the text; 0 when the topic is given.
    pub(super) topics: usize,
}

impl Bounds {
    /// Joins what the prompt asks for with what the schema allows, which wins.
    pub(super) fn new(lesson: &Lesson, schema_min: Option<usize>, schema_max: Option<usize>) -> Self {
        let ceiling = schema_max.unwrap_or(usize::MAX);
        let least = lesson.min_cards.unwrap_or(0).max(schema_min.unwrap_or(0)).min(ceiling);
        let most = match lesson.max_cards.or(schema_max) {
            Some(most) => most.clamp(least, ceiling),
            None => DEFAULT_CARDS.clamp(least, ceiling),
        };
        if !lesson.finds_topics() {
            return Self { least, most, topics: 0 };
        }
        let per_topic = lesson.cards_per_topic.unwrap_or(5).max(1);
        let wanted = lesson.min_topics.unwrap_or(3).min(lesson.max_topics.unwrap_or(usize::MAX)).max(1);
        // A maximum that does not hold all topics gives fewer topics: each of them has its share of cards.
        let highest = if lesson.max_cards.is_some() { most } else { ceiling };
        let topics = wanted.min((highest / per_topic).max(1));
        let least = least.max(topics * per_topic).min(highest);
        Self { least, most: most.max(least), topics }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(topic: &str, cards: [Option<usize>; 2], topics: [Option<usize>; 2]) -> (usize, usize, usize) {
        let lesson = Lesson {
            topic: topic.to_owned(),
            min_cards: cards[0],
            max_cards: cards[1],
            min_topics: topics[0],
            max_topics: topics[1],
            ..Lesson::default()
        };
        let Bounds { least, most, topics } = Bounds::new(&lesson, None, Some(40));
        (least, most, topics)
    }

    #[test]
    fn a_given_topic_needs_cards_only() {
        assert_eq!(bounds("Leaves", [Some(12), Some(15)], [None; 2]), (12, 15, 0));
        assert_eq!(bounds("Leaves", [Some(50), None], [None; 2]), (40, 40, 0));
        assert_eq!(bounds("Leaves", [None; 2], [None; 2]), (0, 40, 0));
    }

    #[test]
    fn every_found_topic_has_its_share() {
        assert_eq!(bounds("AI Selection", [Some(10), Some(40)], [Some(3), Some(8)]), (15, 40, 3));
        assert_eq!(bounds("AI Selection", [Some(10), Some(12)], [Some(3), Some(8)]), (10, 12, 2));
        assert_eq!(bounds("ai selection", [None, Some(4)], [None; 2]), (4, 4, 1));
    }
}
