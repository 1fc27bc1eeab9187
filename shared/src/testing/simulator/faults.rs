//! Faults on command.

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
    /// 429 without a word, and without `retry-after`.
    WordlessRateLimit,
    /// 429 that says that this request is larger than the limit, however long it waits.
    RequestTooLarge,
    /// 403.
    Forbidden,
    /// 403 of the provider's moderation, with what it flagged.
    Moderation,
    /// 403 with a firewall's HTML page.
    HtmlForbidden,
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
                | Self::WordlessRateLimit
                | Self::RequestTooLarge
                | Self::Forbidden
                | Self::Moderation
                | Self::HtmlForbidden
                | Self::BadRequest
                | Self::ModelNotFound
        )
    }
}

/// A fault and when it ends: after `count` calls, after `for_ms`, whichever comes first, or with neither when cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Only for calls whose prompt has this text; the next rule applies to the others.
    #[serde(default)]
    pub containing: Option<String>,
    /// Only for one of this many of these calls.
    #[serde(default)]
    pub one_of: Option<u32>,
}

impl FaultRule {
    /// For every call, until it is cleared.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self { fault, count: None, for_ms: None, retry_after_ms: None, containing: None, one_of: None }
    }
}

/// The fault that one call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Injected {
    pub(super) fault: Fault,
    pub(super) retry_after_ms: Option<u64>,
}

/// Rules in the order in which they were set; of those that are for a call, the first one applies until it has ended.
#[derive(Debug, Default)]
pub(super) struct FaultQueue(Vec<Queued>);

#[derive(Debug)]
struct Queued {
    injected: Injected,
    left: Option<u32>,
    until_us: Option<u64>,
    containing: Option<String>,
    one_of: u32,
    /// Calls that it was for.
    seen: u32,
}

impl FaultQueue {
    pub(super) fn push(&mut self, rule: FaultRule, now_us: u64) {
        self.0.push(Queued {
            injected: Injected { fault: rule.fault, retry_after_ms: rule.retry_after_ms },
            left: rule.count,
            until_us: rule.for_ms.map(|ms| now_us.saturating_add(ms.saturating_mul(1_000))),
            containing: rule.containing,
            one_of: rule.one_of.unwrap_or(1).max(1),
            seen: 0,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that a call would meet now, and its rule. `has` says whether the call's prompt has a text.
    pub(super) fn meet(&mut self, now_us: u64, has: impl Fn(&str) -> bool) -> Option<(usize, Injected)> {
        self.0.retain(|rule| rule.left != Some(0) && rule.until_us.is_none_or(|until| now_us < until));
        self.0.iter_mut().enumerate().find_map(|(place, rule)| {
            if rule.containing.as_deref().is_some_and(|text| !has(text)) {
                return None;
            }
            rule.seen = rule.seen.wrapping_add(1);
            rule.seen.is_multiple_of(rule.one_of).then_some((place, rule.injected))
        })
    }

    /// Counts the call that meets what [`Self::meet`] found.
    pub(super) fn spend(&mut self, place: usize) {
        if let Some(left) = self.0.get_mut(place).and_then(|rule| rule.left.as_mut()) {
            *left = left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fault: Fault, count: Option<u32>, for_ms: Option<u64>) -> FaultRule {
        FaultRule { count, for_ms, ..FaultRule::new(fault) }
    }

    fn next(queue: &mut FaultQueue, now_us: u64) -> Option<Fault> {
        let (place, found) = queue.meet(now_us, |_| true)?;
        queue.spend(place);
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
        assert!(queue.meet(0, |_| true).is_some());
        let (place, _) = queue.meet(0, |_| true).unwrap();
        queue.spend(place);
        assert_eq!(queue.meet(0, |_| true), None);
    }

    #[test]
    fn a_rule_may_be_for_one_text_or_for_one_call_of_many() {
        let mut queue = FaultQueue::default();
        queue.push(FaultRule { containing: Some("zel".into()), ..FaultRule::new(Fault::Drop) }, 0);
        queue.push(FaultRule { one_of: Some(3), ..FaultRule::new(Fault::Empty) }, 0);
        let mut fault_of = |prompt: &str| queue.meet(0, |text| prompt.contains(text)).map(|(_, met)| met.fault);
        let met: Vec<_> = ["a", "zel", "a", "a", "azelb", "a"].into_iter().map(&mut fault_of).collect();
        assert_eq!(met, [None, Some(Fault::Drop), None, Some(Fault::Empty), Some(Fault::Drop), None]);
    }
}
