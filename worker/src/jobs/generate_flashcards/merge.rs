//! The cards of all parts, put together.

use std::collections::{HashMap, HashSet};

use shared::job::{JobError, kinds::Flashcard};

use super::{
    folding::key,
    limits::{CARDS_MAX, TOPIC_CARDS_MIN, TOPICS_MAX, TOPICS_MIN},
};

/// A card and the part and place that it comes from.
struct Placed<'a> {
    part: usize,
    place: usize,
    topic: String,
    card: &'a Flashcard,
}

/// At most 40 cards in the order of the text, no front twice, every part represented; and where topics were found, 3 to
/// 8 of them with at least 5 cards each, or all usable cards if there are fewer topics than that.
pub(super) fn merge(parts: &[&[Flashcard]], find_topics: bool) -> Result<Vec<Flashcard>, JobError> {
    let mut cards = round_robin(parts);
    if find_topics {
        keep_topics(&mut cards);
    }
    let mut chosen = choose(cards);
    if chosen.is_empty() {
        return Err(JobError::retry("invalid_cards", "None of the AI service's cards could be used."));
    }
    chosen.sort_by_key(|placed| (placed.part, placed.place));
    Ok(chosen.into_iter().map(|placed| placed.card.clone()).collect())
}

/// The first card of every part, then the second of every part, and so on; of two with the same front, the earlier one.
fn round_robin<'a>(parts: &[&'a [Flashcard]]) -> Vec<Placed<'a>> {
    let longest = parts.iter().map(|cards| cards.len()).max().unwrap_or(0);
    let mut seen = HashSet::new();
    (0..longest)
        .flat_map(|place| {
            parts.iter().enumerate().filter_map(move |(part, cards)| Some((part, place, cards.get(place)?)))
        })
        .filter(|(_, _, card)| seen.insert(key(&card.front)))
        .map(|(part, place, card)| Placed { part, place, topic: key(&card.topic), card })
        .collect()
}

/// Drops topics that are too small, unless too few would be left, and the smallest where there are
/// too many.
fn keep_topics(cards: &mut Vec<Placed<'_>>) {
    let mut sizes: HashMap<String, usize> = HashMap::new();
    for placed in &*cards {
        *sizes.entry(placed.topic.clone()).or_default() += 1;
    }
    let mut topics: Vec<(String, usize)> = sizes.into_iter().collect();
    topics.sort_by(|(a, a_size), (b, b_size)| b_size.cmp(a_size).then_with(|| a.cmp(b)));
    let large = topics.iter().take_while(|(_, size)| *size >= TOPIC_CARDS_MIN).count();
    topics.truncate(if large < TOPICS_MIN { TOPICS_MAX } else { large.min(TOPICS_MAX) });
    let kept: HashSet<String> = topics.into_iter().map(|(topic, _)| topic).collect();
    cards.retain(|placed| kept.contains(&placed.topic));
}

/// First what every topic needs, then one card of every part that has none yet, then the rest, until there are enough.
fn choose(cards: Vec<Placed<'_>>) -> Vec<Placed<'_>> {
    let mut in_topic: HashMap<String, usize> = HashMap::new();
    let (mut chosen, rest): (Vec<_>, Vec<_>) = cards.into_iter().partition(|placed| {
        let size = in_topic.entry(placed.topic.clone()).or_default();
        *size += 1;
        *size <= TOPIC_CARDS_MIN
    });
    let mut parts: HashSet<usize> = chosen.iter().map(|placed| placed.part).collect();
    let (missing, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|placed| parts.insert(placed.part));
    chosen.extend(missing.into_iter().chain(rest));
    chosen.truncate(CARDS_MAX);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::card;

    fn part(name: &str, topic: &str, count: usize) -> Vec<Flashcard> {
        (0..count).map(|i| card(&format!("{name}{i}"), topic)).collect()
    }

    fn merged(parts: &[Vec<Flashcard>], find_topics: bool) -> Result<Vec<Flashcard>, String> {
        let parts: Vec<&[Flashcard]> = parts.iter().map(Vec::as_slice).collect();
        merge(&parts, find_topics).map_err(|error| error.code().to_owned())
    }

    fn fronts(cards: &[Flashcard]) -> Vec<&str> {
        cards.iter().map(|card| card.front.as_str()).collect()
    }

    #[test]
    fn every_part_is_represented_within_the_cap() {
        let parts: Vec<_> = (0..30).map(|i| part(&format!("p{i}-"), "Food", 7)).collect();
        let cards = merged(&parts, false).unwrap();
        assert_eq!(cards.len(), CARDS_MAX);
        for i in 0..30 {
            let prefix = format!("p{i}-");
            assert!((1..=2).contains(&cards.iter().filter(|card| card.front.starts_with(&prefix)).count()), "part {i}");
        }
    }

    #[test]
    fn cards_keep_the_order_of_the_text() {
        let cards = merged(&[part("a", "T", 6), part("b", "T", 5)], false).unwrap();
        assert_eq!(fronts(&cards), ["a0", "a1", "a2", "a3", "a4", "a5", "b0", "b1", "b2", "b3", "b4"]);
    }

    #[test]
    fn a_front_stands_once() {
        let mut second = part("b", "T", 8);
        second[3].front = "A1".to_owned();
        second[4].front = " a2".to_owned();
        let cards = merged(&[part("a", "T", 4), second], false).unwrap();
        assert_eq!(fronts(&cards), ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b5", "b6", "b7"]);
    }

    #[test]
    fn topics_keep_their_share_under_the_cap() {
        let mut parts: Vec<_> = (0..7).map(|i| part(&format!("p{i}-"), "Large", 10)).collect();
        parts.push(
            [part("x", "Small", 5), part("y", "small ", 1), part("z", "Other", 5), part("w", "Tiny", 4)].concat(),
        );
        let cards = merged(&parts, true).unwrap();
        assert_eq!(cards.len(), CARDS_MAX);
        let count = |topic: &str| cards.iter().filter(|card| key(&card.topic) == topic).count();
        assert_eq!((count("small"), count("other"), count("tiny")), (5, 5, 0));
        for i in 0..7 {
            assert!(cards.iter().any(|card| card.front.starts_with(&format!("p{i}-"))), "part {i}");
        }
    }

    #[test]
    fn at_most_eight_topics() {
        let parts: Vec<_> =
            (0..10).map(|i| part(&format!("p{i}-"), &format!("T{i}"), if i == 4 { 6 } else { 5 })).collect();
        let cards = merged(&parts, true).unwrap();
        let topics: HashSet<&str> = cards.iter().map(|card| card.topic.as_str()).collect();
        assert_eq!((cards.len(), topics.len()), (40, 8));
        assert!(topics.contains("T4"));
    }

    #[test]
    fn fewer_cards_or_topics_than_asked_for_are_a_result() {
        assert_eq!(merged(&[part("a", "T", 3)], false).unwrap().len(), 3);
        assert_eq!(merged(&[vec![], part("a", "T", 1)], true).unwrap().len(), 1);
        let two = [part("a", "One", 9), part("b", "Two", 9), part("c", "Three", 4)];
        assert_eq!(merged(&two, true).unwrap().len(), 22);
        let three = [part("a", "One", 9), part("b", "Two", 9), part("c", "Three", 5), part("d", "Four", 4)];
        assert_eq!(merged(&three, true).unwrap().len(), 23);
        let many: Vec<_> = (0..12).map(|i| part(&format!("p{i}-"), &format!("T{i}"), 2)).collect();
        assert_eq!(merged(&many, true).unwrap().len(), 16);
    }

    #[test]
    fn no_cards_are_an_error() {
        for find_topics in [false, true] {
            assert_eq!(merged(&[], find_topics), Err("invalid_cards".to_owned()));
            assert_eq!(merged(&[vec![], vec![]], find_topics), Err("invalid_cards".to_owned()));
        }
    }
}
