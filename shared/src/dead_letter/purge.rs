//! Removing dead letters for good.

use super::{DeadLetters, Letter};
use crate::{
    job::QueueName,
    redis::{LuaScript, UnavailableError},
};

static PURGE: LuaScript = LuaScript::new(concat!(
    include_str!("../queue/keys.lua"),
    include_str!("letters_head.lua"),
    include_str!("../queue/line.lua"),
    include_str!("../queue/rank.lua"),
    include_str!("../queue/slot.lua"),
    include_str!("../budget/budget.lua"),
    include_str!("../users/track.lua"),
    include_str!("../queue/share.lua"),
    include_str!("../queue/bury.lua"),
    include_str!("../queue/broken.lua"),
    include_str!("../queue/pass_on.lua"),
    include_str!("letter.lua"),
    include_str!("purge.lua")
));

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
