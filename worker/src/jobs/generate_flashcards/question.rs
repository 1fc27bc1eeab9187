//! Gathers what one call should know.

use std::collections::HashSet;

use shared::job::kinds::GenerateFlashcards;

use super::{
    goal::{Ask, Goal},
    part_state::{PartState, Phase},
    problem::Problems,
    prompt::Prompt,
};

/// Fronts to avoid that a call is told at most. The answer is checked against all of them.
const AVOID_MAX: usize = 100;

/// What the next call for a part is about.
pub(super) struct Question<'a> {
    pub(super) lesson: &'a GenerateFlashcards,
    pub(super) text: &'a str,
    pub(super) topic: &'a str,
    pub(super) goal: Goal,
    /// How far the part is.
    pub(super) state: &'a PartState,
    /// How far the other parts are, in the order of the text.
    pub(super) others: Vec<&'a PartState>,
}

impl Question<'_> {
    /// With everything that helps the model.
    pub(super) fn prompt(&self) -> Prompt<'_> {
        let avoid_fronts = self.fronts();
        Prompt { avoid_fronts, known_topics: self.known_topics(), problems: self.problems(), ..self.bare() }
    }

    /// With no more than must be said.
    pub(super) fn bare(&self) -> Prompt<'_> {
        Prompt {
            lesson: self.lesson,
            topic: self.topic,
            text: self.text,
            ask: self.ask(),
            avoid_fronts: Vec::new(),
            known_topics: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// What to ask for: no more cards than fit an answer.
    pub(super) fn ask(&self) -> Ask {
        let ask = self.goal.ask(&self.goal.review(&self.state.cards));
        self.state.most_cards.map_or(ask, |most| ask.within(most))
    }

    /// The part's own first, since its text would bring them up again; then the latest of the others.
    fn fronts(&self) -> Vec<&str> {
        let others = self.others.iter().rev().flat_map(|state| &state.cards);
        self.state.cards.iter().chain(others).map(|card| card.front.as_str()).take(AVOID_MAX).collect()
    }

    fn known_topics(&self) -> Vec<&str> {
        if self.goal.find.is_none() {
            return Vec::new();
        }
        let done = self.others.iter().filter(|state| state.phase == Phase::Done).flat_map(|state| &state.cards);
        let mut seen = HashSet::new();
        done.map(|card| card.topic.as_str()).filter(|topic| seen.insert(*topic)).collect()
    }

    /// In a repair, what was wrong; topics that are too small by name.
    fn problems(&self) -> Vec<String> {
        if self.state.phase != Phase::Repair {
            return Vec::new();
        }
        let review = self.goal.review(&self.state.cards);
        let mut problems: Problems = self.state.problems.clone();
        review.add_to(&mut problems);
        let small =
            review.small_topics.iter().map(|(topic, size)| format!("the topic {topic:?} has only {size} so far"));
        problems.rules().into_iter().chain(small).collect()
    }
}
