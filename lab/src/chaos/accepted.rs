//! The jobs that were accepted, and what else became of requests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Who was told what. Shared by everyone who submits.
#[derive(Debug, Default)]
pub(super) struct Accepted(Mutex<Answers>);

/// What was answered.
#[derive(Debug, Default, Clone)]
pub(super) struct Answers {
    /// Ids of accepted jobs.
    pub(super) ids: Vec<String>,
    /// Requests whose jobs may be there or not: no answer came, or one that says that Redis gave none.
    pub(super) unclear: u64,
    /// Requests that never reached an api.
    pub(super) unsent: u64,
    /// Answers that nothing here explains, and how often each came.
    pub(super) odd: BTreeMap<String, u64>,
}

impl Accepted {
    /// A promise: this job will end.
    pub(super) fn accepted(&self, id: impl Into<String>) {
        self.lock().ids.push(id.into());
    }

    /// No promise, and perhaps a job all the same.
    pub(super) fn unclear(&self) {
        self.lock().unclear += 1;
    }

    /// No promise and no job.
    pub(super) fn unsent(&self) {
        self.lock().unsent += 1;
    }

    /// An answer that should not come.
    pub(super) fn odd(&self, answer: String) {
        *self.lock().odd.entry(answer).or_default() += 1;
    }

    /// How it stands.
    pub(super) fn answers(&self) -> Answers {
        self.lock().clone()
    }

    /// How many jobs were accepted.
    pub(super) fn count(&self) -> usize {
        self.lock().ids.len()
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
