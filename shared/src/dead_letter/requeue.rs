//! Putting dead letters back.

use super::{DeadLetters, Letter};
use crate::{
    job::QueueName,
    redis::{LuaScript, UnavailableError, lua_script, millis},
};

static REQUEUE: LuaScript = lua_script!("dead_letter/requeue");

/// What became of a letter that was to be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Requeued {
    /// The job waits in line.
    Moved,
    /// The job waits for the same work of another job.
    Joined,
    /// The same work was done meanwhile: the job is completed.
    Answered,
    /// Someone else has put it back or removed it, or it never was one.
    Elsewhere,
    /// Nothing but its entry was left of it, which is gone now.
    Gone,
    /// What is stored of the job can't run: it stays.
    Broken,
    /// The recording that it needs was dropped with its end: it stays.
    Unrecorded,
    /// Its user is suspended: it stays.
    Suspended,
    /// It could overrun the budget that an operator has set: it stays.
    OverBudget,
    /// The kill switch of the budget is thrown: it stays.
    Killed,
    /// The queue is full (`QUEUE_MAX_WAITING`, `QUEUE_MAX_BYTES`): it stays, and so do those behind it.
    Full,
    /// Jobs still wait for its end: some of them were seen to, and it is to be asked for again.
    Later,
}

impl Requeued {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Moved,
        Self::Joined,
        Self::Answered,
        Self::Elsewhere,
        Self::Gone,
        Self::Broken,
        Self::Unrecorded,
        Self::Suspended,
        Self::OverBudget,
        Self::Killed,
        Self::Full,
        Self::Later,
    ];

    /// The word for it, in Redis' answer and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Joined => "joined",
            Self::Answered => "answered",
            Self::Elsewhere => "elsewhere",
            Self::Gone => "gone",
            Self::Broken => "broken",
            Self::Unrecorded => "unrecorded",
            Self::Suspended => "suspended",
            Self::OverBudget => "over",
            Self::Killed => "killed",
            Self::Full => "full",
            Self::Later => "later",
        }
    }

    /// Whether the job is no dead letter any more, by this very step.
    #[must_use]
    pub const fn is_back(self) -> bool {
        matches!(self, Self::Moved | Self::Joined | Self::Answered)
    }
}

/// How letters are put back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requeue {
    /// Attempts are counted from 1 anew. Else a job goes on with those that are left to it, or with one more.
    pub reset_attempts: bool,
}

impl DeadLetters {
    /// Puts letters of `queue` back, at most [`Self::STEP`] of them, in one step: each whole or not at all. What became of each.
    ///
    /// # Errors
    ///
    /// When Redis does not answer: then all of it was done, or nothing.
    pub async fn requeue(
        &self,
        queue: QueueName,
        letters: &[Letter],
        how: Requeue,
    ) -> Result<Vec<Requeued>, UnavailableError> {
        let jobs = &self.queue.jobs;
        let settings = [
            millis(jobs.deadline()).to_string(),
            jobs.queue_max_waiting.to_string(),
            jobs.queue_max_bytes.to_string(),
            u8::from(how.reset_attempts).to_string(),
        ];
        let letters = letters.get(..Self::STEP).unwrap_or(letters);
        let words = self.see_to(&REQUEUE, queue, &settings, letters).await?;
        let known = |word: String| Requeued::ALL.into_iter().find(|of| of.as_str() == word).unwrap_or(Requeued::Broken);
        Ok(words.into_iter().map(known).collect())
    }
}
