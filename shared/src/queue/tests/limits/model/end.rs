//! What the end of a call means, once more in plain Rust.

use super::{
    How, Model, WINDOW,
    blame::{Learned, Marks, Refusal},
    breaker::{CallFate, Caller, Whose},
    member,
};
use crate::job::JobId;

impl Model {
    /// `used`: tokens that the call really used, and what it was estimated at.
    pub(in crate::queue::tests::limits) fn end(
        &mut self,
        id: JobId,
        fence: u64,
        call: u32,
        how: How,
        used: Option<(i64, i64)>,
    ) {
        self.slide();
        let member = member(id, fence, call);
        let begun = self.permits.get(&member).map_or(self.now, |permit| permit.at);
        let watched = self.now < self.blame.watch_until;
        match how {
            How::Limited { after, plain } => match self.judge(id, begun, plain) {
                Refusal::Limit => {
                    self.keep_lesson(id, plain);
                    self.limited(&member, begun, after.unwrap_or(0));
                }
                Refusal::Blamed => self.release_trial(&member),
            },
            How::Paused(ms) => self.pause_until = self.pause_until.max(self.now + ms),
            How::Ok | How::Rejected => {
                self.warm_until = self.now + WINDOW;
                if self.refusals > 0 && begun > self.episode {
                    (self.refusals, self.pause_until) = (0, 0);
                }
                self.witness(id, begun);
            }
            How::Own | How::Doubted => {
                self.blame.watch_until = self.now + 180_000;
                self.release_trial(&member);
            }
            How::Failed | How::Blocked | How::Unsent => {}
        }
        self.count_tokens(&member, used);
        if how == How::Unsent {
            self.give_back(&member);
        }
        let marks = self.blame.marks.entry(id).or_default();
        match how {
            How::Ok | How::Rejected if marks.aside => *marks = Marks::default(),
            How::Ok | How::Rejected | How::Unsent => {}
            _ => marks.aside = true,
        }
        self.tell_breaker(Caller { member: &member, id, user: self.users[&id] }, how, begun, watched);
    }

    fn release_trial(&mut self, member: &str) {
        if self.trial.as_deref() == Some(member) {
            self.pause_until = 0;
        }
    }

    fn count_tokens(&mut self, member: &str, used: Option<(i64, i64)>) {
        let Some((used, estimated)) = used else { return };
        if let Some(permit) = self.permits.get_mut(member) {
            permit.tokens = permit.tokens.max(used);
        }
        let (mean, estimated_mean, until) = self.overuse;
        let goes_on = self.now < until;
        if used <= estimated && !goes_on {
            return;
        }
        let weight = if goes_on { 8.0 } else { 1.0 };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let moved = |mean: f64, value: i64| format!("{:.3}", mean + (value as f64 - mean) / weight).parse().unwrap();
        let until = if used > estimated { self.now + 10 * WINDOW } else { until };
        self.overuse = (moved(mean, used), moved(estimated_mean, estimated), until);
    }

    fn limited(&mut self, member: &str, begun: i64, retry_after: i64) {
        let fresh = begun > self.episode;
        let mut pause = self.now + retry_after;
        if fresh {
            self.refusals += 1;
            pause = pause.max(self.now + (1_000 << (self.refusals - 1).min(10)).min(30_000));
            self.episode = self.now;
        }
        self.pause_until = self.pause_until.max(pause);
        self.warm_until = 0;
        self.refused.insert(member.to_owned(), begun);
        if self.refusals == 1 {
            self.learn(fresh);
        }
    }

    fn learn(&mut self, fresh: bool) {
        let known = self.learned.clone();
        let mut hold = if known.hold == 0 { 4 } else { known.hold };
        let (mut base, mut prior) = (known.base, known.prior);
        if fresh {
            base = known.limit.unwrap_or_else(|| i64::try_from(self.bounds.rpm).unwrap());
            prior = known.limit;
            if known.limit.is_some() {
                hold = (hold * 2).min(64);
            }
        }
        if base == 0 {
            return;
        }
        let accepted = i64::try_from(self.permits.len()).unwrap() - i64::try_from(self.refused.len()).unwrap();
        let found = accepted.max((base + 1) / 2).max(1);
        let limit = if accepted * 10 < base || found >= base { prior } else { Some(found) };
        let until = if limit.is_some() { self.now + hold * WINDOW } else { 0 };
        self.learned = Learned { limit, sure: limit, reached: false, hold, until, step: 0.0, base, prior };
    }

    fn tell_breaker(&mut self, call: Caller<'_>, how: How, begun: i64, watched: bool) {
        let mut fate = match how {
            How::Ok | How::Rejected => CallFate::Answered,
            How::Failed => CallFate::Failed,
            How::Blocked => CallFate::Blocked { quick: false },
            _ => CallFate::Nothing,
        };
        if how == How::Doubted {
            let charged = self.blame.marks[&call.id].charged;
            let whose = self.doubt.raise(self.now, begun, call, charged);
            if whose == Whose::Account || whose == Whose::Unknown && self.breaker.is_probe(call.member) {
                fate = CallFate::Blocked { quick: true };
            }
            if whose == Whose::Unknown {
                self.blame.marks.entry(call.id).or_default().doubted = Some(begun);
            }
        } else if fate == CallFate::Answered && watched {
            self.doubt.answer(begun, call.id);
        }
        self.breaker.end(self.now, call, fate);
        if matches!(fate, CallFate::Blocked { .. }) {
            self.doubt.condemn(self.now);
        }
    }
}
