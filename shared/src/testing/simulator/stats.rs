//! What the log amounts to.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::arrivals::{Entry, to_ms};
use crate::limiter::TokenAccounting;

/// A summary of the calls in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Calls in the log.
    pub calls: u64,
    /// Calls by the status of their answer; 0 for those that got none.
    pub by_status: BTreeMap<u16, u64>,
    /// Most calls in any sliding window: `[t, t + window)` for every `t`.
    pub max_in_window: u64,
    /// Most tokens of calls in any such window, as the limit counts them.
    pub max_tokens_in_window: u64,
    /// Most calls that were handled at once.
    pub max_in_flight: u32,
    /// Calls by job.
    pub jobs: JobCalls,
    /// The first call in the log.
    pub first_ms: Option<f64>,
    /// The last one.
    pub last_ms: Option<f64>,
}

/// How many calls jobs made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobCalls {
    /// Jobs that made a call.
    pub count: u64,
    /// Most calls of one job.
    pub max_calls: u64,
    /// Calls per job.
    pub mean_calls: f64,
}

/// Summarises the calls, which are in the order of time.
pub(super) fn summarise(
    entries: &VecDeque<Entry>,
    window_us: u64,
    accounting: TokenAccounting,
    max_in_flight: u32,
) -> Stats {
    let tokens_of = |entry: &Entry| match accounting {
        TokenAccounting::Reserved => u64::from(entry.reserved),
        TokenAccounting::Used => u64::from(entry.used),
    };
    let mut by_status = BTreeMap::new();
    for entry in entries {
        *by_status.entry(entry.status).or_default() += 1;
    }
    let max_in_window = fullest_window(entries.iter().map(|entry| (entry.t_us, 1)), window_us);
    let max_tokens_in_window = fullest_window(entries.iter().map(|entry| (entry.t_us, tokens_of(entry))), window_us);
    Stats {
        calls: entries.len() as u64,
        by_status,
        max_in_window,
        max_tokens_in_window,
        max_in_flight,
        jobs: job_calls(entries),
        first_ms: entries.front().map(|entry| to_ms(entry.t_us)),
        last_ms: entries.back().map(|entry| to_ms(entry.t_us)),
    }
}

/// The most that comes together in any `[t, t + window)`, of weights with their times, oldest first.
pub fn fullest_window(weights: impl Iterator<Item = (u64, u64)> + Clone, window_us: u64) -> u64 {
    let mut oldest = weights.clone().peekable();
    let (mut inside, mut fullest) = (0, 0);
    for (t_us, weight) in weights {
        inside += weight;
        while let Some((_, left)) = oldest.next_if(|(first_us, _)| first_us + window_us <= t_us) {
            inside -= left;
        }
        fullest = fullest.max(inside);
    }
    fullest
}

/// Calls without a request id belong to no job.
fn job_calls(entries: &VecDeque<Entry>) -> JobCalls {
    let mut calls: HashMap<&str, u64> = HashMap::new();
    for entry in entries.iter().filter(|entry| !entry.request_id.is_empty()) {
        *calls.entry(entry.job()).or_default() += 1;
    }
    let (count, total) = (calls.len() as u64, calls.values().sum::<u64>());
    #[expect(clippy::cast_precision_loss, reason = "the log is far smaller than 2^53")]
    let mean_calls = if count == 0 { 0.0 } else { total as f64 / count as f64 };
    JobCalls { count, max_calls: calls.values().copied().max().unwrap_or(0), mean_calls }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(t_us: u64, request_id: &str, reserved: u32, used: u32) -> Entry {
        Entry { t_us, request_id: request_id.into(), reserved, used, status: 200, fault: None }
    }

    #[test]
    fn finds_the_fullest_window_wherever_it_lies() {
        let log = [entry(0, "a.1.1", 10, 1), entry(900, "b.1.1", 20, 9), entry(1_000, "a.2.1", 30, 5)];
        let stats = summarise(&log.into(), 1_000, TokenAccounting::Reserved, 3);
        // The first and the last lie exactly one window apart.
        assert_eq!((stats.max_in_window, stats.max_tokens_in_window), (2, 50));
        assert_eq!((stats.jobs.count, stats.jobs.max_calls), (2, 2));
        assert!((stats.jobs.mean_calls - 1.5).abs() < f64::EPSILON);
        assert_eq!(stats.by_status, BTreeMap::from([(200, 3)]));
        assert_eq!((stats.first_ms, stats.last_ms), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn an_empty_log_is_no_error() {
        let stats = summarise(&VecDeque::new(), 1_000, TokenAccounting::Used, 0);
        assert_eq!((stats.calls, stats.max_in_window, stats.jobs), (0, 0, JobCalls::default()));
    }
}
