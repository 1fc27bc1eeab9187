//! Removing dead letters for good.

use super::{DeadLetters, Letter};
use crate::{
    job::QueueName,
    redis::{LuaScript, UnavailableError, lua_script},
};

static PURGE: LuaScript = lua_script!("dead_letter/purge");

/// What became of a letter that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purged {
    /// It is gone, with its text and its record.
    Purged,
    /// Someone else has put it back or removed it, or it never was one.
    Elsewhere,
    /// Nothing but its entry was left of it, which is gone now.
    Gone,
    /// What is stored in its place is no job: it stays for people to look at.
    Broken,
    /// Jobs still wait for its end: some of them were seen to, and it is to be asked for again.
    Later,
}

impl DeadLetters {
    /// Removes letters of `queue`, at most [`Self::STEP`] of them, in one step. What became of each.
    ///
    /// # Errors
    ///
    /// When Redis does not answer: then all of it was done, or nothing.
    pub async fn purge(&self, queue: QueueName, letters: &[Letter]) -> Result<Vec<Purged>, UnavailableError> {
        let letters = letters.get(..Self::STEP).unwrap_or(letters);
        let words = self.see_to(&PURGE, queue, &[], letters).await?;
        let known = |word: String| match word.as_str() {
            "purged" => Purged::Purged,
            "elsewhere" => Purged::Elsewhere,
            "gone" => Purged::Gone,
            "later" => Purged::Later,
            _ => Purged::Broken,
        };
        Ok(words.into_iter().map(known).collect())
    }
}
