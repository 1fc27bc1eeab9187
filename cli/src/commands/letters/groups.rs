//! Dead letters by what they died of.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use shared::{queue::IndexedJob, timestamp::rfc3339};

use crate::output::plain;

/// Letters of one error code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Group {
    letters: u64,
    first_ms: u64,
    last_ms: u64,
    /// The message of the newest.
    message: String,
}

/// Letters by error code.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(in crate::commands) struct Groups(BTreeMap<String, Group>);

impl Groups {
    pub(in crate::commands) fn add(&mut self, letter: &IndexedJob) {
        let code = if letter.code.is_empty() { "unknown" } else { &letter.code };
        let at = letter.at_ms;
        let fresh = || Group { letters: 0, first_ms: at, last_ms: 0, message: String::new() };
        let group = self.0.entry(code.to_owned()).or_insert_with(fresh);
        group.letters += 1;
        group.first_ms = group.first_ms.min(at);
        if at >= group.last_ms {
            group.last_ms = at;
            group.message.clone_from(&letter.message);
        }
    }

    /// How many letters there are.
    pub(in crate::commands) fn letters(&self) -> u64 {
        self.0.values().map(|group| group.letters).sum()
    }
}

impl fmt::Display for Groups {
    /// The largest group first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<_> = self.0.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.letters));
        let width = groups.iter().map(|(code, _)| plain(code).chars().count()).max().unwrap_or_default().max(5);
        write!(f, "{:>8}  {:<width$}  {:<24}  {:<24}  the newest says", "letters", "error", "oldest", "newest")?;
        for (code, group) in groups {
            let (first, last) = (rfc3339(group.first_ms), rfc3339(group.last_ms));
            let (code, message) = (plain(code), plain(&group.message));
            write!(f, "\n{:>8}  {code:<width$}  {first:<24}  {last:<24}  {message}", group.letters)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::filter::tests::letter, *};

    #[test]
    fn the_largest_group_comes_first() {
        let mut groups = Groups::default();
        for (code, at_ms) in [("refused", 7), ("openai_timeout", 5), ("openai_timeout", 9), ("", 1)] {
            groups.add(&IndexedJob { at_ms, message: format!("at {at_ms}"), ..letter(code) });
        }
        assert_eq!(groups.letters(), 4);
        let text = groups.to_string();
        assert_eq!(
            text,
            " letters  error           oldest                    newest                    the newest says\n       \
             2  openai_timeout  1970-01-01T00:00:00.005Z  1970-01-01T00:00:00.009Z  at 9\n       \
             1  refused         1970-01-01T00:00:00.007Z  1970-01-01T00:00:00.007Z  at 7\n       \
             1  unknown         1970-01-01T00:00:00.001Z  1970-01-01T00:00:00.001Z  at 1"
        );
    }
}
