//! How far a part is, and how that survives a crash.
//!
//! Every call is recorded right after it, so that no later attempt buys it again. What is read back was written by
//! another process, perhaps of another version: it is checked like an answer, and what fails is bought again.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use shared::job::{JobError, kinds::Flashcard};

use super::{answer::Seen, card::CardRules, goal::Goal, model::CutOff, problem::Problems};

/// What comes next for a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// An ordinary call.
    #[default]
    First,
    /// The one call that asks for what the ordinary one did not bring.
    Repair,
    /// Nothing: the part has what it needs.
    Done,
}

/// How far a part is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartState {
    pub(super) phase: Phase,
    /// Good cards so far.
    pub(super) cards: Vec<Flashcard>,
    /// What was wrong with the others, since the last ordinary call.
    pub(super) problems: Problems,
    /// Calls made for this part by all attempts.
    pub(super) calls: u32,
    /// Tokens of those calls.
    pub(super) tokens: u64,
    /// Done with fewer cards than needed: the repair did not bring all of them.
    #[serde(default)]
    pub(super) short: bool,
    /// Least cap of the next answer, after one was cut off.
    #[serde(default)]
    pub(super) cap: Option<u32>,
    /// Most cards of the next answer, after one was cut off at the largest cap.
    #[serde(default)]
    pub(super) most_cards: Option<usize>,
}

impl PartState {
    /// Under which name the part with this index and these bytes is recorded. The bytes bind it to the way the text was
    /// cut: where `OPENAI_CHUNK_TOKENS` changed in between, old records of other cuts are not found.
    pub(super) fn name(index: usize, range: &Range<usize>) -> String {
        format!("chunk-{index}-{}-{}", range.start, range.end)
    }

    /// Adds the cards of a call. After the repair the part is done, even if cards are missing. The
    /// attempt fails only if there is no card at all: `others` says whether other parts have any.
    pub(super) fn take(
        &mut self,
        cards: Vec<Flashcard>,
        problems: &Problems,
        goal: &Goal,
        others: bool,
    ) -> Result<(), JobError> {
        self.cards.extend(cards);
        self.problems.add_all(problems);
        let review = goal.review(&self.cards);
        if review.is_done() {
            *self = Self { phase: Phase::Done, cards: review.good, problems: Problems::default(), ..*self };
            return Ok(());
        }
        if self.phase == Phase::First {
            self.phase = Phase::Repair;
            return Ok(());
        }
        review.add_to(&mut self.problems);
        if others || !self.cards.is_empty() {
            (self.phase, self.short) = (Phase::Done, true);
            return Ok(());
        }
        self.phase = Phase::First;
        let problems = std::mem::take(&mut self.problems);
        let text =
            format!("The AI service's cards could not be used, nor those of a second call: {problems}. None was good.");
        Err(JobError::retry("invalid_cards", text))
    }

    /// Takes up that an answer of at most `asked` cards was cut off at `cap` tokens, of which there may be `bound`: the next
    /// call has more room, or asks for less.
    pub(super) fn cut_off(&mut self, what: CutOff, (cap, bound): (u32, u32), asked: usize) {
        if cap < bound {
            let larger = match what {
                CutOff::Cards => cap.saturating_add(cap.div_ceil(2)).min(bound),
                // How much a model thinks does not follow from the cards.
                CutOff::Thoughts => bound,
            };
            self.cap = Some(larger);
        } else {
            self.most_cards = Some((asked * 2 / 3).max(1));
        }
    }

    /// The record.
    pub(super) fn record(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a record back; `None` when it is not one that this job can have written.
    pub(super) fn restore(record: &str, rules: CardRules<'_>, enough: usize) -> Option<Self> {
        let mut state: Self = serde_json::from_str(record).ok()?;
        let card_stands = |card: &Flashcard| {
            let json = serde_json::to_value(card).ok()?;
            (rules.check(&json).as_ref() == Ok(card)).then_some(())
        };
        state.cards.iter().try_for_each(card_stands)?;
        if state.calls == 0 || Seen::of(&state.cards).fronts() != state.cards.len() {
            return None;
        }
        if state.phase == Phase::Done && state.cards.len() < enough && !state.short {
            state.phase = Phase::First;
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::{problem::Problem, testing::card};
    use shared::job::Decision;

    const RULES: CardRules<'_> = CardRules { topic: Some("T"), target_language: "German", native_language: "English" };

    fn state() -> PartState {
        let mut problems = Problems::default();
        problems.add(Problem::DuplicateFront, 2);
        let cards = vec![card("a", "T"), card("b", "T")];
        PartState {
            phase: Phase::Done,
            cards,
            problems,
            calls: 2,
            tokens: 900,
            short: false,
            cap: Some(1_800),
            most_cards: None,
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        assert_eq!(PartState::restore(&state().record(), RULES, 2), Some(state()));
    }

    #[test]
    fn a_record_that_nobody_can_have_written_is_ignored() {
        let good = state().record();
        let mut doubled = state();
        doubled.cards[1].front = "A".to_owned();
        doubled.cards[1].example = "A.".to_owned();
        let table = [
            String::new(),
            "null".to_owned(),
            good[..good.len() - 1].to_owned(),
            good.replace("\"done\"", "\"finished\""),
            good.replace("\"topic\":\"T\"", "\"topic\":\"Other\""),
            good.replace("\"front\":\"a\"", "\"front\":\"\""),
            good.replace("\"calls\":2", "\"calls\":0"),
            good.replace("\"tokens\":900", "\"tokens\":-1"),
            good.replace("duplicate_front", "something"),
            doubled.record(),
        ];
        for record in table {
            assert_ne!(record, good);
            assert_eq!(PartState::restore(&record, RULES, 2), None, "{record}");
        }
    }

    #[test]
    fn a_part_that_now_needs_more_goes_on_with_what_it_has() {
        let restored = PartState::restore(&state().record(), RULES, 3).unwrap();
        assert_eq!(restored, PartState { phase: Phase::First, ..state() });
    }

    #[test]
    fn another_cut_has_another_name() {
        assert_ne!(PartState::name(1, &(100..200)), PartState::name(1, &(100..201)));
    }

    #[test]
    fn a_short_part_is_done_and_a_record_of_an_older_worker_is_not_short() {
        let short = PartState { short: true, ..state() };
        assert_eq!(PartState::restore(&short.record(), RULES, 3), Some(short.clone()));
        let old = short.record().replace(",\"short\":true", "").replace(",\"cap\":1800,\"most_cards\":null", "");
        assert_ne!(old, short.record());
        assert_eq!(PartState::restore(&old, RULES, 2), Some(PartState { cap: None, ..state() }));
    }

    #[test]
    fn a_cut_off_answer_is_never_asked_for_again_unchanged() {
        let mut state = PartState::default();
        for (cap, next) in [(1_000, 1_500), (1_500, 2_250), (2_250, 3_000)] {
            state.cut_off(CutOff::Cards, (cap, 3_000), 12);
            assert_eq!((state.cap, state.most_cards), (Some(next), None));
        }
        for (asked, most) in [(12, 8), (8, 5), (1, 1)] {
            state.cut_off(CutOff::Cards, (3_000, 3_000), asked);
            assert_eq!((state.cap, state.most_cards), (Some(3_000), Some(most)));
        }
        let mut state = PartState::default();
        state.cut_off(CutOff::Thoughts, (1_000, 4_096), 12);
        assert_eq!((state.cap, state.most_cards), (Some(4_096), None));
    }

    #[test]
    fn a_part_is_done_repaired_once_or_short_or_given_up() {
        let goal = Goal { enough: 2, min: 2, max: 4, find: None };
        let mut problems = Problems::default();
        problems.add(Problem::ExampleLacksFront, 3);

        let mut state = PartState::default();
        assert!(state.take(vec![card("a", "T"), card("b", "T")], &problems, &goal, false).is_ok());
        assert_eq!((state.phase, state.short, state.problems), (Phase::Done, false, Problems::default()));

        for others in [false, true] {
            let mut state = PartState::default();
            assert!(state.take(vec![card("a", "T")], &problems, &goal, others).is_ok());
            assert_eq!((state.phase, state.short), (Phase::Repair, false));
            assert!(state.take(vec![], &problems, &goal, others).is_ok());
            assert_eq!((state.phase, state.short, state.cards.len()), (Phase::Done, true, 1));
            assert_eq!(state.problems.to_string(), "example_lacks_front ×6, too_few_cards ×1");
        }

        let mut state = PartState { phase: Phase::Repair, ..PartState::default() };
        assert!(state.take(vec![], &problems, &goal, true).is_ok());
        assert_eq!((state.phase, state.short), (Phase::Done, true));

        let mut state = PartState { phase: Phase::Repair, ..PartState::default() };
        let error = state.take(vec![], &problems, &goal, false).unwrap_err();
        assert_eq!((error.decision(), error.code()), (Decision::Retry, "invalid_cards"));
        assert!(error.message().contains("example_lacks_front ×3, too_few_cards ×2. None"), "{error}");
        assert_eq!((state.phase, &state.problems), (Phase::First, &Problems::default()));
    }
}
