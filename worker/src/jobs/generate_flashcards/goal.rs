//! What a part must come to, what it still lacks, and so what the next call asks for.

use std::collections::HashSet;

use shared::job::kinds::Flashcard;

use super::{
    folding::key,
    limits::{TOPIC_CARDS_MIN, TOPICS_MAX, TOPICS_MIN},
    problem::{Problem, Problems},
};

/// What one part must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    /// Cards without which it is not done.
    pub(super) enough: usize,
    /// Fewest cards to ask for at first.
    pub(super) min: usize,
    /// Most cards to ask for.
    pub(super) max: usize,
    /// The topics to find, where the topic is not given.
    pub(super) find: Option<Find>,
}

/// Topics to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Find {
    /// Keys of the topics that other parts have found. Cards of those are welcome, however few.
    pub(super) known: HashSet<String>,
    /// New topics without which the part is not done.
    pub(super) required: usize,
    /// New topics to ask for at least.
    pub(super) min: usize,
    /// New topics to ask for, and to keep, at most.
    pub(super) max: usize,
    /// Cards that a new topic needs.
    pub(super) per_topic: usize,
}

/// The numbers that one call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) min_cards: usize,
    pub(super) max_cards: usize,
    pub(super) topics: Option<AskTopics>,
}

impl Ask {
    /// The same for at most `most` cards, and as many topics as these can fill.
    pub(super) fn within(self, most: usize) -> Self {
        let topics = self.topics.map(|topics| {
            let filled = (most / topics.per_topic.max(1)).max(1);
            AskTopics { min: topics.min.min(filled), max: topics.max.min(filled), ..topics }
        });
        Self { min_cards: self.min_cards.min(most), max_cards: self.max_cards.min(most), topics }
    }
}

/// How many topics one call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskTopics {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) per_topic: usize,
}

/// The cards of a part, judged together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Review {
    /// Those that may stay when the part is done.
    pub(super) good: Vec<Flashcard>,
    /// New topics among them.
    topics: usize,
    missing_cards: usize,
    missing_topics: usize,
    /// New topics that have too few cards, with how many they have.
    pub(super) small_topics: Vec<(String, usize)>,
}

impl Review {
    /// Whether nothing is missing.
    pub(super) const fn is_done(&self) -> bool {
        self.missing_cards == 0 && self.missing_topics == 0
    }

    /// What is missing, for people and for the model.
    pub(super) fn add_to(&self, problems: &mut Problems) {
        problems.add(Problem::TooFewCards, self.missing_cards);
        problems.add(Problem::TooFewTopics, self.missing_topics);
        problems.add(Problem::TopicTooSmall, self.small_topics.len());
    }
}

impl Goal {
    /// The same for a part that finds topics: `known` ones have been found, `finders` parts may find more, this one
    /// included, and `shared_by` parts fill what it finds.
    pub(super) fn with_topics(mut self, known: HashSet<String>, finders: usize, shared_by: usize) -> Self {
        let needed = TOPICS_MIN.saturating_sub(known.len());
        let min = needed.div_ceil(finders.max(1)).max(1);
        let room = TOPICS_MAX.saturating_sub(known.len()) / finders.max(1);
        // Topics that are found beside one that others help to fill would stay too small.
        let (max, helped) = if shared_by > 1 { (min, min == 1) } else { (room, false) };
        let per_topic = if helped { TOPIC_CARDS_MIN.div_ceil(shared_by) } else { TOPIC_CARDS_MIN };
        // Up to the last part, another one may still find what is missing.
        let required = if finders <= 1 { needed } else { 0 };
        self.enough = self.enough.max(required * per_topic);
        self.min = self.min.max(min * per_topic);
        self.max = self.max.max(self.min);
        let max = max.min(self.max / per_topic).max(min);
        self.find = Some(Find { known, required, min, max, per_topic });
        self
    }

    /// Judges the cards that a part has so far.
    pub(super) fn review(&self, cards: &[Flashcard]) -> Review {
        let (good, topics, small_topics) = match &self.find {
            None => (cards.to_vec(), 0, Vec::new()),
            Some(find) => find.sort_out(cards),
        };
        Review {
            missing_cards: self.enough.saturating_sub(good.len()),
            missing_topics: self.find.as_ref().map_or(0, |find| find.required.saturating_sub(topics)),
            good,
            topics,
            small_topics,
        }
    }

    /// What to ask for, where the part stands like this: at first some more than is needed, then what is missing.
    pub(super) fn ask(&self, review: &Review) -> Ask {
        let so_far = review.good.len();
        let topics = self.find.as_ref().map(|find| {
            let min = match review.missing_topics {
                _ if so_far == 0 => find.min,
                // The model names known topics again: asked for as many as there must be, it can't but name new ones.
                1.. if !find.known.is_empty() => TOPICS_MIN,
                missing => missing.max(1),
            };
            AskTopics { min, max: find.max.saturating_sub(review.topics).max(min), per_topic: find.per_topic }
        });
        let wanted = if so_far == 0 { self.min } else { review.missing_cards };
        let min_cards = wanted.max(topics.map_or(1, |topics| topics.min * topics.per_topic));
        Ask { min_cards, max_cards: self.max.saturating_sub(so_far).max(min_cards), topics }
    }
}

impl Find {
    /// The cards whose topics stand, how many new topics these are, and the topics that are too small.
    fn sort_out(&self, cards: &[Flashcard]) -> (Vec<Flashcard>, usize, Vec<(String, usize)>) {
        let mut new: Vec<(&str, String, usize)> = Vec::new();
        for card in cards {
            let topic = key(&card.topic);
            match new.iter_mut().find(|(_, known, _)| *known == topic) {
                Some((_, _, size)) => *size += 1,
                None if !self.known.contains(&topic) => new.push((&card.topic, topic, 1)),
                None => {}
            }
        }
        // Stable: of equally large topics, the one that came first in the text.
        new.sort_by_key(|(_, _, size)| std::cmp::Reverse(*size));
        let large = new.iter().take_while(|(_, _, size)| *size >= self.per_topic).count();
        let small = new.split_off(large);
        new.truncate(self.max);
        let stands = |card: &&Flashcard| {
            let topic = key(&card.topic);
            self.known.contains(&topic) || new.iter().any(|(_, kept, _)| *kept == topic)
        };
        let good = cards.iter().filter(stands).cloned().collect();
        (good, new.len(), small.into_iter().map(|(name, _, size)| (name.to_owned(), size)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::card;

    fn cards(topics: &[(&str, usize)]) -> Vec<Flashcard> {
        let one = |topic: &str, i: usize| card(&format!("{topic}{i}"), topic);
        topics.iter().flat_map(|&(topic, count)| (0..count).map(move |i| one(topic, i))).collect()
    }

    fn given() -> Goal {
        Goal { enough: 10, min: 12, max: 20, find: None }
    }

    fn find(known: &[&str], required: usize, max: usize) -> Goal {
        let known = known.iter().map(|topic| key(topic)).collect();
        Goal { enough: 15, min: 15, max: 20, find: Some(Find { known, required, min: 3, max, per_topic: 5 }) }
    }

    fn ask(goal: &Goal, topics: &[(&str, usize)]) -> (usize, usize, Option<(usize, usize, usize)>) {
        let ask = goal.ask(&goal.review(&cards(topics)));
        (ask.min_cards, ask.max_cards, ask.topics.map(|topics| (topics.min, topics.max, topics.per_topic)))
    }

    #[test]
    fn with_a_given_topic_only_the_number_counts() {
        assert!(given().review(&cards(&[("T", 10)])).is_done());
        assert!(!given().review(&cards(&[("T", 9)])).is_done());
        assert_eq!(ask(&given(), &[]), (12, 20, None));
        assert_eq!(ask(&given(), &[("T", 4)]), (6, 16, None));
        assert_eq!(ask(&given(), &[("T", 9)]), (1, 11, None));
    }

    #[test]
    fn found_topics_need_their_cards() {
        let review = find(&[], 3, 4).review(&cards(&[("A", 6), ("B", 3), ("C", 5), ("D", 1)]));
        assert!(!review.is_done());
        assert_eq!(review.good.len(), 11);
        assert_eq!(review.small_topics, [("B".to_owned(), 3), ("D".to_owned(), 1)]);
        let mut problems = Problems::default();
        review.add_to(&mut problems);
        assert_eq!(problems.to_string(), "too_few_cards ×4, too_few_topics ×1, topic_too_small ×2");
        assert!(find(&[], 3, 4).review(&cards(&[("A", 5), ("B", 5), ("C", 5), ("D", 1)])).is_done());
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        assert_eq!(ask(&find(&[], 3, 4), &[]), (15, 20, Some((3, 4, 5))));
        assert_eq!(ask(&find(&[], 3, 4), &[("A", 5), ("B", 5), ("C", 2)]), (5, 10, Some((1, 2, 5))));
        assert_eq!(ask(&find(&[], 3, 4), &[("A", 2), ("B", 2), ("C", 2)]), (15, 20, Some((3, 4, 5))));
    }

    #[test]
    fn cards_of_topics_that_other_parts_found_stand() {
        let goal = find(&["a"], 0, 1);
        let review = goal.review(&cards(&[("A", 14), ("B", 1)]));
        assert_eq!((review.good.len(), review.is_done()), (14, false));
        assert!(goal.review(&cards(&[("A", 15)])).is_done());
        let goal = find(&["a"], 1, 1);
        assert!(!goal.review(&cards(&[("A", 15)])).is_done());
        assert_eq!(ask(&goal, &[("A", 15)]), (15, 15, Some((3, 3, 5))));
    }

    #[test]
    fn of_too_many_topics_the_largest_stay() {
        let review = find(&[], 3, 3).review(&cards(&[("A", 5), ("B", 6), ("C", 5), ("D", 5)]));
        let topics: HashSet<&str> = review.good.iter().map(|card| card.topic.as_str()).collect();
        assert_eq!(topics, HashSet::from(["A", "B", "C"]));
        assert!(review.is_done());
    }

    /// The numbers of a part that may have 17 cards: topics required, at least, at most, cards each; enough, min, max.
    fn numbers(known: usize, finders: usize, shared_by: usize) -> ([usize; 4], [usize; 3]) {
        let known = (0..known).map(|i| i.to_string()).collect();
        let goal = Goal { enough: 2, min: 8, max: 17, find: None }.with_topics(known, finders, shared_by);
        let find = goal.find.unwrap();
        ([find.required, find.min, find.max, find.per_topic], [goal.enough, goal.min, goal.max])
    }

    #[test]
    fn topics_are_shared_out_to_the_parts_that_find_them() {
        // One part finds them all; with more room for cards it would find up to 8.
        assert_eq!(numbers(0, 1, 1), ([3, 3, 3, 5], [15, 15, 17]));
        assert_eq!(numbers(0, 2, 1), ([0, 2, 3, 5], [2, 10, 17]));
        assert_eq!(numbers(2, 1, 1), ([1, 1, 3, 5], [5, 8, 17]));
        assert_eq!(numbers(7, 1, 1), ([0, 1, 1, 5], [2, 8, 17]));
        // Eight parts: one topic each.
        assert_eq!(numbers(0, 8, 1), ([0, 1, 1, 5], [2, 8, 17]));
        // Two parts fill one topic, unless more are needed at the end.
        assert_eq!(numbers(0, 6, 2), ([0, 1, 1, 3], [2, 8, 17]));
        assert_eq!(numbers(1, 1, 2), ([2, 2, 2, 5], [10, 10, 17]));
    }
}
