//! Faults on command.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 with `retry-after`.
    RateLimit,
    /// 429 that waiting does not cure.
    InsufficientQuota,
    /// 401: the key is rejected.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 400.
    BadRequest,
    /// 404: the model is not served.
    ModelNotFound,
    /// 500.
    ServerError,
    /// 503.
    Unavailable,
    /// 200 whose content is not JSON.
    MalformedJson,
    /// 200 whose body is not JSON.
    MalformedBody,
    /// 502 with an HTML page.
    HtmlError,
    /// No answer until the client leaves.
    Stall,
    /// The connection is closed without an answer.
    Drop,
    /// 200 with a refusal in place of the content.
    Refusal,
    /// 200 whose content ends half-way, with `finish_reason` `length`.
    CutOff,
    /// 200 with cards that fit the schema and break the rules: no `front` is in its `example`, nor in the text.
    InvalidCards,
    /// 200 with two cards, however many were asked for.
    FewCards,
    /// 200 with empty content.
    Empty,
    /// Of the speech side: 200 that says that no word was understood.
    NoMatch,
    /// Of the speech side: 200 that says that recognition failed.
    RecognitionError,
}

impl Fault {
    /// Whether upstream refuses such a call before any work, so that it does not count in the rate limit's window.
    #[must_use]
    pub const fn at_the_door(self) -> bool {
        matches!(
            self,
            Self::RateLimit
                | Self::InsufficientQuota
                | Self::Unauthorized
                | Self::Forbidden
                | Self::BadRequest
                | Self::ModelNotFound
        )
    }
}

/// A fault and when it ends: after `count` calls, after `for_ms`, whichever comes first, or with neither when cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// For how many calls.
    #[serde(default)]
    pub count: Option<u32>,
    /// For how long from now, in milliseconds.
    #[serde(default)]
    pub for_ms: Option<u64>,
    /// What `retry-after` says, for answers that may carry it.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// The fault that one call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Injected {
    pub(super) fault: Fault,
    pub(super) retry_after_ms: Option<u64>,
}

/// Rules in the order in which they were set; the first one applies until it has ended.
#[derive(Debug, Default)]
pub(super) struct FaultQueue(VecDeque<Queued>);

#[derive(Debug)]
struct Queued {
    injected: Injected,
    left: Option<u32>,
    until_us: Option<u64>,
}

impl FaultQueue {
    pub(super) fn push(&mut self, rule: FaultRule, now_us: u64) {
        self.0.push_back(Queued {
            injected: Injected { fault: rule.fault, retry_after_ms: rule.retry_after_ms },
            left: rule.count,
            until_us: rule.for_ms.map(|ms| now_us.saturating_add(ms.saturating_mul(1_000))),
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that a call would meet now.
    pub(super) fn peek(&mut self, now_us: u64) -> Option<Injected> {
        while let Some(first) = self.0.front() {
            if first.left != Some(0) && first.until_us.is_none_or(|until| now_us < until) {
                return Some(first.injected);
            }
            self.0.pop_front();
        }
        None
    }

    /// Counts the call that meets what [`Self::peek`] showed.
    pub(super) fn spend(&mut self) {
        if let Some(left) = self.0.front_mut().and_then(|first| first.left.as_mut()) {
            *left = left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fault: Fault, count: Option<u32>, for_ms: Option<u64>) -> FaultRule {
        FaultRule { fault, count, for_ms, retry_after_ms: None }
    }

    fn next(queue: &mut FaultQueue, now_us: u64) -> Option<Fault> {
        let found = queue.peek(now_us)?;
        queue.spend();
        Some(found.fault)
    }

    #[test]
    fn rules_follow_one_another() {
        let mut queue = FaultQueue::default();
        queue.push(rule(Fault::Drop, Some(2), None), 0);
        queue.push(rule(Fault::Stall, None, Some(5)), 0);
        queue.push(rule(Fault::Empty, None, None), 0);
        let met: Vec<_> = [0, 1, 4_999, 5_000, 9_000].map(|now| next(&mut queue, now)).into();
        assert_eq!(met, [Fault::Drop, Fault::Drop, Fault::Stall, Fault::Empty, Fault::Empty].map(Some));
        queue.clear();
        assert_eq!(next(&mut queue, 9_001), None);
    }

    #[test]
    fn looking_does_not_count() {
        let mut queue = FaultQueue::default();
        queue.push(rule(Fault::Drop, Some(1), None), 0);
        assert!(queue.peek(0).is_some() && queue.peek(0).is_some());
        queue.spend();
        assert_eq!(queue.peek(0), None);
    }
}
