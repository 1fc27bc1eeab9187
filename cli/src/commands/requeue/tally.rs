//! What became of the letters.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};
use shared::dead_letter::Requeued;

/// How many letters came to what.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Letters that were meant.
    pub(super) matched: u64,
    /// Ids that are none of a dead letter.
    pub(super) strangers: u64,
    came_to: BTreeMap<Requeued, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, seen: Requeued, letters: u64) {
        *self.came_to.entry(seen).or_default() += letters;
    }

    fn of(&self, seen: Requeued) -> u64 {
        self.came_to.get(&seen).copied().unwrap_or_default()
    }

    /// Letters that were put back.
    pub(super) fn back(&self) -> u64 {
        Requeued::ALL.into_iter().filter(|seen| seen.is_back()).map(|seen| self.of(seen)).sum()
    }

    /// Whether something was meant, and nothing of it stays.
    pub(super) fn is_whole(&self) -> bool {
        let gone = self.of(Requeued::Elsewhere) + self.of(Requeued::Gone);
        self.matched > 0 && self.strangers == 0 && self.back() + gone == self.matched
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "matched": self.matched,
            "no_dead_letters": self.strangers,
            "put_back": self.back(),
            "in_line": self.of(Requeued::Moved),
            "following": self.of(Requeued::Joined),
            "answered": self.of(Requeued::Answered),
            "elsewhere": self.of(Requeued::Elsewhere),
            "gone": self.of(Requeued::Gone),
            "stay": {
                "suspended": self.of(Requeued::Suspended),
                "over_budget": self.of(Requeued::OverBudget),
                "killed": self.of(Requeued::Killed),
                "full": self.of(Requeued::Full),
                "unrecorded": self.of(Requeued::Unrecorded),
                "broken": self.of(Requeued::Broken),
            },
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.matched == 0 && self.strangers == 0 {
            return f.write_str("No dead letter matches.");
        }
        write!(f, "{:>8}  put back", self.back())?;
        for (seen, what) in [
            (Requeued::Joined, "of these wait for the same work of another job"),
            (Requeued::Answered, "of these are completed: their work was done meanwhile"),
            (Requeued::Elsewhere, "were seen to by somebody else meanwhile"),
            (Requeued::Gone, "had no job any more, and are gone"),
            (Requeued::Suspended, "stay: their users are suspended (unilingo users show USER)"),
            (Requeued::OverBudget, "stay: they could overrun the budget (unilingo budget show)"),
            (Requeued::Killed, "stay: the kill switch is thrown (unilingo budget unkill)"),
            (
                Requeued::Full,
                "stay: the queue is full (QUEUE_MAX_WAITING, QUEUE_MAX_BYTES); say it again when it is shorter",
            ),
            (Requeued::Unrecorded, "stay: recordings are dropped when their jobs end"),
            (Requeued::Broken, "stay: what is stored of them can't run"),
        ] {
            if self.of(seen) > 0 {
                write!(f, "\n{:>8}  {what}", self.of(seen))?;
            }
        }
        if self.strangers > 0 {
            write!(f, "\n{:>8}  of the ids are none of a dead letter", self.strangers)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_when_nothing_that_was_meant_stays() {
        let mut tally = Tally::default();
        assert!(!tally.is_whole(), "nothing matched");
        assert_eq!(tally.to_string(), "No dead letter matches.");
        tally.matched = 5;
        for (seen, letters) in [(Requeued::Moved, 2), (Requeued::Answered, 1), (Requeued::Elsewhere, 1)] {
            tally.add(seen, letters);
        }
        assert!(!tally.is_whole(), "one is not accounted for");
        tally.add(Requeued::Suspended, 1);
        assert!(!tally.is_whole(), "one stays");
        assert_eq!(
            tally.to_string(),
            "       3  put back\n       \
             1  of these are completed: their work was done meanwhile\n       \
             1  were seen to by somebody else meanwhile\n       \
             1  stay: their users are suspended (unilingo users show USER)"
        );
        let document = tally.document();
        assert_eq!((&document["put_back"], &document["stay"]["suspended"]), (&3.into(), &1.into()));
        tally.matched = 4;
        tally.came_to.remove(&Requeued::Suspended);
        assert!(tally.is_whole());
        tally.strangers = 1;
        assert!(!tally.is_whole(), "an id was none of a letter");
    }
}
