//! What this process expects Redis' clock to say.
//!
//! Redis' clock decides everything that is shared, and may be set: by an operator, by NTP, by a move to another node. This
//! machine's clock since boot can't be set, and goes on while the machine sleeps. What lies between the two is learned from
//! every answer that tells the time; where it changes by more than [`STEP`], one of them has stepped.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use uuid::Uuid;

/// What differs by more is a step.
const STEP: Duration = Duration::from_secs(2);
/// An answer that took longer does not say what time it is.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(1);

/// The clock of one process' Redis.
#[derive(Debug)]
pub(crate) struct RedisClock {
    /// Names this process in reports.
    process: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Redis' clock less that of this machine since boot, in ms.
    offset: Option<i64>,
    /// Since when that is known, by this machine's clock since boot, in ms: the first answer, or the last step that was accepted.
    since: i64,
    /// Steps that the fleet has believed in, as far as this process knows.
    steps: Option<u64>,
    #[cfg(test)]
    by_hand: Option<i64>,
}

/// A question on its way to Redis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    boot_ms: i64,
    /// What Redis' clock should say on its arrival, in ms since the Unix epoch; `None` before the first answer.
    pub(crate) expected_ms: Option<i64>,
    /// For how long such has been expected.
    pub(crate) expected_for: Duration,
}

/// A step that an answer has shown, to be reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// By how many ms Redis' clock is ahead of what was expected.
    pub(crate) skew_ms: i64,
    /// Steps that this process knows of.
    pub(crate) known: Option<u64>,
    measured: i64,
}

impl RedisClock {
    pub(super) fn new() -> Self {
        Self { process: Uuid::now_v7().simple().to_string(), state: Mutex::default() }
    }

    /// The name of this process in reports.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// To be called when a question is sent.
    pub(crate) fn ask(&self) -> Asked {
        let state = self.lock();
        let Some(boot_ms) = state.boot_ms() else {
            return Asked { boot_ms: 0, expected_ms: None, expected_for: Duration::ZERO };
        };
        let expected_ms = state.offset.map(|offset| boot_ms + offset);
        let expected_for = expected_ms.map_or(0, |_| u64::try_from(boot_ms - state.since).unwrap_or_default());
        Asked { boot_ms, expected_ms, expected_for: Duration::from_millis(expected_for) }
    }

    /// Takes up the time that the answer tells; the step that it shows.
    pub(crate) fn heard(&self, asked: Asked, now_ms: i64) -> Option<Step> {
        self.lock().hear(asked, now_ms).err()
    }

    /// Takes up the time that an answer tells together with the steps that were believed until then. Where it shows no step, this
    /// process knows of all of these. Where it does, the next answer of the queue shows it as well, and it is reported then.
    pub(crate) fn heard_of_steps(&self, asked: Asked, now_ms: i64, steps: u64) {
        let mut state = self.lock();
        if state.hear(asked, now_ms) == Ok(true) {
            state.steps = Some(steps);
        }
    }

    /// Takes it that the clock is right from `step` on: the fleet, which has believed in `steps` so far, has decided about it.
    pub(crate) fn accept(&self, step: &Step, steps: u64) {
        let mut state = self.lock();
        (state.offset, state.steps) = (Some(step.measured), Some(steps));
        state.since = state.boot_ms().unwrap_or_default();
    }

    /// From now on this machine's clock says what the test says.
    #[cfg(test)]
    pub(crate) fn set_boot_ms(&self, boot_ms: i64) {
        self.lock().by_hand = Some(boot_ms);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the answer came soon enough to say what time it is, and says what was expected; else the step that it shows.
    fn hear(&mut self, asked: Asked, now_ms: i64) -> Result<bool, Step> {
        let Some(boot_ms) = self.boot_ms() else { return Ok(false) };
        let took = boot_ms - asked.boot_ms;
        if took < 0 || took >= millis(ROUND_TRIP_MAX) {
            return Ok(false);
        }
        let measured = now_ms - (asked.boot_ms + took / 2);
        match self.offset {
            Some(offset) if (measured - offset).abs() > millis(STEP) => {
                return Err(Step { skew_ms: measured - offset, known: self.steps, measured });
            }
            Some(_) => {}
            None => self.since = boot_ms,
        }
        self.offset = Some(measured);
        Ok(true)
    }

    /// This machine's clock since boot, in ms; `None` in a test that gives Redis' time by hand, and not this one.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "only a test gives the time by hand"))]
    fn boot_ms(&self) -> Option<i64> {
        #[cfg(test)]
        if self.by_hand.is_some() {
            return self.by_hand;
        }
        #[cfg(feature = "testing")]
        if super::script::time_is_by_hand() {
            return None;
        }
        Some(boot_ms())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_ms() -> i64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

/// Elsewhere the clock may stand still while the machine sleeps, which one process alone then takes for a step.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn boot_ms() -> i64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(START.elapsed())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIS: i64 = 1_700_000_000_000;

    /// Asked at `sent` and answered at `got`, by this machine; Redis says `now` past [`REDIS`].
    fn hear(clock: &RedisClock, sent: i64, got: i64, now: i64) -> Option<i64> {
        clock.set_boot_ms(sent);
        let asked = clock.ask();
        clock.set_boot_ms(got);
        clock.heard(asked, REDIS + now).map(|step| step.skew_ms)
    }

    #[test]
    fn what_differs_by_more_than_two_seconds_is_a_step() {
        let clock = RedisClock::new();
        assert_eq!(hear(&clock, 5_000, 5_010, 0), None, "the first answer teaches");
        clock.set_boot_ms(6_005);
        assert_eq!(clock.ask().expected_ms, Some(REDIS + 1_000));
        assert_eq!(hear(&clock, 7_000, 7_000, 3_990), None, "2 s are none, and are learned");
        assert_eq!(hear(&clock, 8_000, 8_000, 4_995), None);
        assert_eq!(hear(&clock, 9_000, 9_000, 26_000), Some(20_005));
        assert_eq!(hear(&clock, 10_000, 10_000, 27_000), Some(20_005), "until the fleet has decided");
        assert_eq!(hear(&clock, 11_000, 11_000, -3_591_995), Some(-3_599_990));
    }

    #[test]
    fn a_slow_answer_says_nothing() {
        let clock = RedisClock::new();
        assert_eq!(hear(&clock, 0, 1_000, 0), None);
        assert_eq!(clock.ask().expected_ms, None, "it took a second");
        assert_eq!(hear(&clock, 2_000, 2_000, 0), None);
        assert_eq!(hear(&clock, 3_000, 9_000, 7_000), None, "Redis was frozen");
    }

    #[test]
    fn what_the_fleet_has_decided_is_the_time() {
        let clock = RedisClock::new();
        assert_eq!(hear(&clock, 0, 0, 0), None);
        clock.set_boot_ms(1_000);
        let asked = clock.ask();
        let step = clock.heard(asked, REDIS + 61_000).unwrap();
        clock.accept(&step, 3);
        assert_eq!(clock.ask().expected_ms, Some(REDIS + 61_000));
        let next = clock.heard(clock.ask(), REDIS).unwrap();
        assert_eq!((next.skew_ms, next.known), (-61_000, Some(3)));
    }

    #[test]
    fn this_machines_clock_goes_on() {
        let clock = RedisClock::new();
        let (first, second) = (clock.ask(), clock.ask());
        assert!(first.boot_ms > 0 && second.boot_ms >= first.boot_ms);
    }
}
