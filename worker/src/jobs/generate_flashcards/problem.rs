//! What can be wrong with an answer: told to the model when it is asked again, and to people by its stable code.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// One thing that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Problem {
    /// The answer is not JSON.
    NotJson,
    /// It is JSON without a list of cards.
    WrongShape,
    /// A card is not JSON.
    BrokenCard,
    /// A card lacks a field, or has one of another type.
    Malformed,
    /// A field has a control character.
    ControlCharacter,
    /// A field is empty, or all of it is invisible.
    EmptyField,
    /// A field holds a placeholder such as "N/A".
    Placeholder,
    /// A field is longer than the app can show.
    FieldTooLong,
    /// The difficulty is none of the levels.
    UnknownDifficulty,
    /// The example does not contain the term.
    ExampleLacksFront,
    /// The example is the term and nothing else.
    ExampleIsFront,
    /// The back repeats the term: where both languages are the same, or on many cards of a set.
    BackEqualsFront,
    /// The term has a card already.
    DuplicateFront,
    /// The topic was to be found, and the card has none.
    TopicNotFound,
    /// Cards are missing.
    TooFewCards,
    /// Topics are missing.
    TooFewTopics,
    /// A topic has too few cards.
    TopicTooSmall,
}

impl Problem {
    /// What the model should have done.
    const fn rule(self) -> &'static str {
        match self {
            Self::NotJson => "the answer was not JSON; answer with one JSON object and nothing else",
            Self::WrongShape => "the answer had no array `cards`",
            Self::BrokenCard => {
                "a card was not JSON; in JSON a backslash and a quotation mark inside a string are escaped"
            }
            Self::ControlCharacter => {
                "a field had control characters; in JSON the backslash of \\frac is written twice"
            }
            Self::Placeholder => "a field was a placeholder; leave a card out that you have no text for",
            Self::ExampleIsFront => "example must be a whole sentence and not front alone",
            Self::Malformed => "every card needs front, back, topic, difficulty, example and pronunciation",
            Self::EmptyField => "no field may be empty; only pronunciation may be null",
            Self::FieldTooLong => "a field was too long",
            Self::UnknownDifficulty => "difficulty must be beginner, intermediate or expert",
            Self::ExampleLacksFront => "example must contain front letter for letter",
            Self::BackEqualsFront => {
                "back must not repeat front: translate it, or explain it in other words if both languages are the same"
            }
            Self::DuplicateFront => "front must be new: neither twice in an answer nor in avoid_fronts",
            Self::TopicNotFound => "topic must be a topic that you found in the text",
            Self::TooFewCards => "there were too few good cards; count: how many are missing",
            Self::TooFewTopics => "there were too few topics; count: how many are missing",
            Self::TopicTooSmall => "every topic needs at least cards_per_topic cards; count: topics with fewer",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::WrongShape => "wrong_shape",
            Self::BrokenCard => "broken_card",
            Self::Malformed => "malformed",
            Self::ControlCharacter => "control_character",
            Self::EmptyField => "empty_field",
            Self::Placeholder => "placeholder",
            Self::FieldTooLong => "field_too_long",
            Self::UnknownDifficulty => "unknown_difficulty",
            Self::ExampleLacksFront => "example_lacks_front",
            Self::ExampleIsFront => "example_is_front",
            Self::BackEqualsFront => "back_equals_front",
            Self::DuplicateFront => "duplicate_front",
            Self::TopicNotFound => "topic_not_found",
            Self::TooFewCards => "too_few_cards",
            Self::TooFewTopics => "too_few_topics",
            Self::TopicTooSmall => "topic_too_small",
        }
    }
}

/// How often each thing was wrong. Holds nothing of the learner's text, so that it may be shown and logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Problems(BTreeMap<Problem, usize>);

impl Problems {
    /// Adds `count` times `problem`.
    pub(super) fn add(&mut self, problem: Problem, count: usize) {
        if count > 0 {
            *self.0.entry(problem).or_default() += count;
        }
    }

    /// Adds all of `others`.
    pub(super) fn add_all(&mut self, others: &Self) {
        for (problem, count) in &others.0 {
            self.add(*problem, *count);
        }
    }

    /// One sentence each, for the model.
    pub(super) fn rules(&self) -> Vec<String> {
        self.0.iter().map(|(problem, count)| format!("{} (count: {count})", problem.rule())).collect()
    }
}

impl fmt::Display for Problems {
    /// `example_lacks_front ×7, duplicate_front ×2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (problem, count)) in self.0.iter().enumerate() {
            write!(f, "{}{} ×{count}", if i == 0 { "" } else { ", " }, problem.code())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_by_code_and_survive_a_checkpoint() {
        let mut problems = Problems::default();
        problems.add(Problem::ExampleLacksFront, 1);
        problems.add(Problem::NotJson, 1);
        problems.add(Problem::ExampleLacksFront, 2);
        problems.add(Problem::Malformed, 0);
        assert_eq!(problems.to_string(), "not_json ×1, example_lacks_front ×3");
        assert_eq!(problems.rules().len(), 2);
        let stored = serde_json::to_string(&problems).unwrap();
        assert_eq!(stored, r#"{"not_json":1,"example_lacks_front":3}"#);
        assert_eq!(serde_json::from_str::<Problems>(&stored).unwrap(), problems);
    }
}
