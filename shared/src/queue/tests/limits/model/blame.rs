//! Whose fault a refusal is, and what refusals teach, once more in plain Rust.

use std::collections::BTreeMap;

use super::{Model, WINDOW};
use crate::job::JobId;

const WATCH: i64 = 180_000;
const NEAR: i64 = 1_000;
const BLAMED_MAX: u32 = 5;
const LESSON_WINDOWS: i64 = 10;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Learned {
    pub(super) limit: Option<i64>,
    /// What it was before it was widened.
    pub(super) sure: Option<i64>,
    /// Whether it was reached since then.
    pub(super) reached: bool,
    pub(super) hold: i64,
    pub(super) until: i64,
    pub(super) step: f64,
    pub(super) base: i64,
    pub(super) prior: Option<i64>,
}

/// What is noted of a job's refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) aside: bool,
    pub(crate) refused: u32,
    pub(crate) blamed: u32,
    pub(crate) doubted: Option<i64>,
    pub(crate) denied: Option<i64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Blame {
    pub(super) marks: BTreeMap<JobId, Marks>,
    pub(super) watch_until: i64,
    answered: BTreeMap<JobId, i64>,
    accused: BTreeMap<JobId, i64>,
    before: Option<Learned>,
    taught_by: Vec<JobId>,
    taught_at: i64,
    proven: bool,
    /// Jobs that were blamed, lessons that were forgotten, jobs that were refused too often.
    pub(super) blamed: usize,
    pub(super) forgotten: usize,
    pub(super) failed: usize,
}

/// What a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Limit,
    Blamed,
}

impl Model {
    fn near(&self, jobs: &BTreeMap<JobId, i64>, begun: i64) -> Vec<JobId> {
        let span = NEAR.max(2 * WINDOW / i64::try_from(self.bounds.rpm).unwrap());
        let mut found: Vec<_> = jobs.iter().filter(|(_, at)| (begun - span..=begun + span).contains(at)).collect();
        found.sort_by_key(|(id, at)| (**at, id.to_string()));
        found.into_iter().take(16).map(|(id, _)| *id).collect()
    }

    /// Before a job teaches.
    pub(super) fn keep_lesson(&mut self, id: JobId, plain: bool) {
        let blame = &mut self.blame;
        if plain {
            blame.proven |= !blame.taught_by.is_empty();
        } else if blame.taught_by.is_empty() || blame.proven || self.now - blame.taught_at > LESSON_WINDOWS * WINDOW {
            blame.before = Some(self.learned.clone());
            (blame.taught_by, blame.taught_at, blame.proven) = (vec![id], self.now, false);
        } else {
            if !blame.taught_by.contains(&id) {
                blame.taught_by.push(id);
            }
            blame.taught_at = self.now;
        }
    }

    fn drop_teacher(&mut self, id: JobId, stands: bool) -> bool {
        let blame = &mut self.blame;
        if !blame.taught_by.contains(&id) {
            return false;
        }
        let proven = blame.proven;
        blame.taught_by.retain(|other| *other != id);
        blame.proven |= stands;
        blame.taught_by.is_empty() && !proven
    }

    fn blame(&mut self, id: JobId) {
        self.blame.accused.remove(&id);
        self.blame.marks.entry(id).or_default().blamed = 1;
        self.blame.blamed += 1;
        if self.drop_teacher(id, false) {
            self.learned = self.blame.before.take().unwrap_or_default();
            self.blame.taught_by.clear();
            self.blame.forgotten += 1;
            (self.refusals, self.pause_until) = (0, 0);
        }
    }

    pub(super) fn judge(&mut self, id: JobId, begun: i64, plain: bool) -> Refusal {
        self.blame.watch_until = self.now + WATCH;
        if plain {
            return Refusal::Limit;
        }
        let Marks { refused, blamed, .. } = self.blame.marks.get(&id).cloned().unwrap_or_default();
        if blamed == 0 {
            self.blame.marks.entry(id).or_default().refused += 1;
            if refused == 0 {
                return Refusal::Limit;
            }
            if self.near(&self.blame.answered, begun).iter().all(|other| *other == id) {
                self.blame.accused.insert(id, begun);
                return Refusal::Limit;
            }
            self.blame(id);
        } else if self.refusals == 0 {
            self.blame.marks.entry(id).or_default().blamed += 1;
            self.blame.failed += usize::from(blamed + 1 >= BLAMED_MAX);
        }
        Refusal::Blamed
    }

    pub(super) fn witness(&mut self, id: JobId, begun: i64) {
        if self.blame.marks.get(&id).is_some_and(|marks| marks.refused > 0) {
            self.drop_teacher(id, true);
            self.blame.accused.remove(&id);
        }
        if self.now >= self.blame.watch_until {
            return;
        }
        self.blame.answered.insert(id, begun);
        for accused in self.near(&self.blame.accused, begun) {
            if accused != id {
                self.blame(accused);
            }
        }
    }
}
