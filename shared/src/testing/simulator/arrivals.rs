//! The log of calls: in order of time, bounded, and small enough for millions.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Fault;

/// One call, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its number since the simulator started, from 0; clearing the log does not start anew.
    pub index: u64,
    /// When it had arrived in full: milliseconds since the Unix epoch, with fractions. Differences are exact to the
    /// microsecond; against another process' clock it may be off by a constant millisecond.
    pub t_ms: f64,
    /// Its header `x-client-request-id`; empty without one.
    pub request_id: String,
    /// The part of `request_id` before the first dot: our worker sends `<job id>.<attempt>.<call>`.
    pub job: String,
    /// Tokens of the prompt and of the requested maximum output.
    pub reserved_tokens: u32,
    /// Tokens of the prompt and of the answer; 0 where there was none.
    pub used_tokens: u32,
    /// HTTP status of the answer; 0 while there is none, which stays so when the client left or the connection was cut.
    pub status: u16,
    /// The injected fault that it met.
    pub fault: Option<Fault>,
}

/// One call, as it is kept.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) t_us: u64,
    pub(super) request_id: Box<str>,
    pub(super) reserved: u32,
    pub(super) used: u32,
    pub(super) status: u16,
    pub(super) fault: Option<Fault>,
}

impl Entry {
    pub(super) fn job(&self) -> &str {
        self.request_id.split('.').next().unwrap_or_default()
    }
}

/// The calls, oldest first.
#[derive(Debug)]
pub(super) struct ArrivalLog {
    entries: VecDeque<Entry>,
    /// Number of the first entry that is still kept.
    first: u64,
    /// Number of the next call when the log was cleared last.
    cleared_at: u64,
    keep: usize,
}

impl ArrivalLog {
    pub(super) const fn new(keep: usize) -> Self {
        Self { entries: VecDeque::new(), first: 0, cleared_at: 0, keep }
    }

    /// The number that the next call gets.
    pub(super) fn next_index(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Calls since the log was cleared, including those that were dropped for want of room.
    pub(super) fn calls(&self) -> u64 {
        self.next_index() - self.cleared_at
    }

    pub(super) fn push(&mut self, entry: Entry) -> u64 {
        let index = self.next_index();
        self.entries.push_back(entry);
        if self.entries.len() > self.keep {
            self.entries.pop_front();
            self.first += 1;
        }
        index
    }

    /// The call of this number, unless it was dropped.
    pub(super) fn entry_mut(&mut self, index: u64) -> Option<&mut Entry> {
        let position = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(position)
    }

    pub(super) fn clear(&mut self) {
        self.first = self.next_index();
        self.cleared_at = self.first;
        self.entries = VecDeque::new();
    }

    pub(super) const fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    /// Up to `limit` calls from number `since` on.
    pub(super) fn page(&self, since: u64, limit: usize) -> Vec<Arrival> {
        let skip = usize::try_from(since.saturating_sub(self.first)).unwrap_or(usize::MAX).min(self.entries.len());
        let numbers = (self.first + skip as u64)..;
        numbers.zip(self.entries.range(skip..)).take(limit).map(|(index, entry)| shown(index, entry)).collect()
    }

    pub(super) fn of_job(&self, job: &str) -> Vec<Arrival> {
        let numbered = (self.first..).zip(&self.entries);
        numbered.filter(|(_, entry)| entry.job() == job).map(|(index, entry)| shown(index, entry)).collect()
    }
}

/// Milliseconds with fractions.
#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit into 53 bits until the year 2255")]
pub(super) fn to_ms(t_us: u64) -> f64 {
    t_us as f64 / 1_000.0
}

fn shown(index: u64, entry: &Entry) -> Arrival {
    Arrival {
        index,
        t_ms: to_ms(entry.t_us),
        request_id: entry.request_id.to_string(),
        job: entry.job().to_owned(),
        reserved_tokens: entry.reserved,
        used_tokens: entry.used,
        status: entry.status,
        fault: entry.fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(t_us: u64) -> Entry {
        Entry { t_us, request_id: "job.1.1".into(), reserved: 0, used: 0, status: 0, fault: None }
    }

    #[test]
    fn drops_the_oldest_and_keeps_the_numbers() {
        let mut log = ArrivalLog::new(2);
        for t in 0..5 {
            assert_eq!(log.push(entry(t)), t);
        }
        assert_eq!(log.calls(), 5);
        let kept: Vec<u64> = log.page(0, 9).iter().map(|arrival| arrival.index).collect();
        assert_eq!(kept, [3, 4]);
        assert!(log.entry_mut(2).is_none());
        assert_eq!(log.entry_mut(4).unwrap().t_us, 4);
        assert_eq!(log.page(4, 9).len(), 1);
        assert_eq!(log.page(77, 9), []);
    }

    #[test]
    fn clearing_counts_from_nought_but_numbers_go_on() {
        let mut log = ArrivalLog::new(9);
        log.push(entry(0));
        log.clear();
        assert_eq!((log.calls(), log.page(0, 9).len()), (0, 0));
        assert_eq!(log.push(entry(1)), 1);
        assert!(log.entry_mut(0).is_none());
    }
}
