//! How many cards, and which topics, each part of the text is asked for.

use std::ops::Range;

use super::limits::{CARDS_MAX, CARDS_MIN, TOPIC_CARDS_MIN, TOPICS_MAX, TOPICS_MIN};

/// A text gets another card for so many tokens.
const TOKENS_PER_CARD: usize = 150;
/// A card takes up to about so many tokens of an answer, also in scripts that models spell in small pieces.
const ANSWER_TOKENS_PER_CARD: usize = 120;
/// Cards asked for at least at most: some more than needed, so that one bad card does not cost a second call.
const SPARE: usize = 2;
/// Sections that a text of more parts than topics is put together to. Six, and not eight, so that little more is asked
/// for than a job may have: every section has to round up.
const SECTIONS: usize = 6;

/// One part of the text and what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its bytes.
    pub(super) range: Range<usize>,
    /// Cards without which the part is not done.
    pub(super) enough: usize,
    /// Fewest cards to ask for.
    pub(super) min: usize,
    /// Most cards to ask for.
    pub(super) max: usize,
    /// Where its topics come from.
    pub(super) topics: Topics,
}

/// Where the topics of a part come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topics {
    /// The caller gave the one topic.
    Given,
    /// The model finds them. `shared_by` parts, this one first, fill its topic together.
    Find {
        /// Number of those parts.
        shared_by: usize,
    },
    /// The topic that the part with this index found.
    Of(usize),
}

/// Plans the parts of a text of `tokens` tokens. More parts than cards can't all be asked: then those that are asked
/// are spread evenly over the text.
pub(super) fn plan(parts: Vec<Range<usize>>, tokens: u32, find_topics: bool, max_output_tokens: u32) -> Vec<Part> {
    let parts = spread(parts, CARDS_MAX);
    let count = parts.len();
    let least = if find_topics { TOPICS_MIN * TOPIC_CARDS_MIN } else { CARDS_MIN };
    let goal = (least + SPARE + tokens as usize / TOKENS_PER_CARD).min(CARDS_MAX);
    let per_call = max_output_tokens as usize / ANSWER_TOKENS_PER_CARD;
    parts
        .into_iter()
        .enumerate()
        .map(|(i, range)| {
            let section = Section::of(i, count);
            let topics = match (find_topics, section.first == i) {
                (false, _) => Topics::Given,
                (true, true) => Topics::Find { shared_by: section.parts },
                (true, false) => Topics::Of(section.first),
            };
            let owed = if find_topics { TOPIC_CARDS_MIN.div_ceil(section.parts) } else { 0 };
            let enough = least.div_ceil(count).max(owed);
            let share = (i + 1) * goal / count - i * goal / count;
            let max = share.min(per_call).max(enough);
            Part { range, enough, min: enough.max(max / 2), max, topics }
        })
        .collect()
}

/// Neighbouring parts that share topics, which the first of them finds.
struct Section {
    first: usize,
    parts: usize,
}

impl Section {
    /// The section of part `i` of `count`.
    fn of(i: usize, count: usize) -> Self {
        let sections = if count <= TOPICS_MAX { count } else { SECTIONS };
        let number = |part: usize| part * sections / count;
        let mut members = (0..count).filter(|&part| number(part) == number(i));
        let first = members.next().unwrap_or(i);
        Self { first, parts: 1 + members.count() }
    }
}

fn spread<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let count = items.len();
    if count <= most {
        return items;
    }
    // The middle one of each of `most` equal stretches.
    let wanted: Vec<usize> = (0..most).map(|i| (2 * i + 1) * count / (2 * most)).collect();
    items.into_iter().enumerate().filter(|(i, _)| wanted.binary_search(i).is_ok()).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: usize, tokens: u32, find_topics: bool) -> Vec<Part> {
        within(4_096, count, tokens, find_topics)
    }

    fn within(max_output_tokens: u32, count: usize, tokens: u32, find_topics: bool) -> Vec<Part> {
        plan((0..count).map(|i| i..i + 1).collect(), tokens, find_topics, max_output_tokens)
    }

    #[test]
    fn a_longer_text_gets_more_cards() {
        let most: Vec<usize> = [0, 600, 1_500, 3_000, 6_000].map(|tokens| of(1, tokens, false)[0].max).into();
        assert_eq!(most, [12, 16, 22, 32, 34]);
        assert!(of(1, 6_000, false)[0].min > of(1, 0, false)[0].min);
        assert_eq!((of(1, 0, true)[0].min, of(1, 0, true)[0].max), (15, 17));
    }

    #[test]
    fn what_is_enough_for_every_part_is_enough_for_the_job() {
        for count in 1..=60 {
            for find_topics in [false, true] {
                let parts = of(count, 1_000 * u32::try_from(count).unwrap(), find_topics);
                assert_eq!(parts.len(), count.min(CARDS_MAX));
                let enough: usize = parts.iter().map(|part| part.enough).sum();
                let least = if find_topics { 15 } else { 10 };
                assert!((least..=CARDS_MAX + 8).contains(&enough), "{count} parts: {enough}");
                for part in parts {
                    assert!(1 <= part.enough && part.enough <= part.min && part.min <= part.max, "{part:?}");
                }
            }
        }
    }

    #[test]
    fn every_section_finds_one_topic_and_fills_it() {
        for count in 1..=40 {
            let parts = of(count, 50_000, true);
            let finders = parts.iter().filter(|part| matches!(part.topics, Topics::Find { .. })).count();
            assert_eq!(finders, if count <= TOPICS_MAX { count } else { SECTIONS });
            for (i, part) in parts.iter().enumerate() {
                if let Topics::Find { shared_by } = part.topics {
                    let section = &parts[i..i + shared_by];
                    assert!(section[1..].iter().all(|part| part.topics == Topics::Of(i)));
                    assert!(section.iter().map(|part| part.enough).sum::<usize>() >= TOPIC_CARDS_MIN);
                }
            }
        }
    }

    #[test]
    fn too_many_parts_are_thinned_out_evenly() {
        let starts: Vec<usize> = of(100, 50_000, false).iter().map(|part| part.range.start).collect();
        assert_eq!(starts.len(), CARDS_MAX);
        assert!(starts.windows(2).all(|pair| (2..=3).contains(&(pair[1] - pair[0]))), "{starts:?}");
        assert!(starts[0] < 3 && starts[39] > 96);
    }

    #[test]
    fn a_small_answer_holds_fewer_cards() {
        let part = &within(1_800, 1, 6_000, false)[0];
        assert_eq!((part.min, part.max), (10, 15));
        assert_eq!(within(64, 1, 6_000, false)[0].max, 10);
    }
}
