//! Rate limits in an exact sliding window.
//!
//! A call at `t` counts in `[t, t + window)`: two calls that lie exactly one window apart never count together.

use std::collections::VecDeque;

use super::SimulatorConfig;

/// The limits in force; 0 is off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) requests: u64,
    pub(super) tokens: u64,
    pub(super) window_us: u64,
}

impl From<&SimulatorConfig> for Limits {
    fn from(config: &SimulatorConfig) -> Self {
        Self { requests: config.rpm, tokens: config.tpm, window_us: config.window_ms.saturating_mul(1_000) }
    }
}

impl Limits {
    pub(super) const fn off(&self) -> bool {
        self.requests == 0 && self.tokens == 0
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Requests,
    Tokens,
}

/// Why a call was not let in, and how long until it would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub(super) dimension: Dimension,
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) requested: u64,
    pub(super) wait_us: u64,
}

/// One limit, for the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Until nothing counts any more.
    pub(super) full_in_us: u64,
}

#[derive(Debug)]
struct Admitted {
    t_us: u64,
    index: u64,
    tokens: u64,
}

/// The calls of one key that still count.
#[derive(Debug, Default)]
pub(super) struct Window {
    admitted: VecDeque<Admitted>,
    tokens: u64,
}

impl Window {
    /// Forgets what slid out.
    pub(super) fn slide(&mut self, now_us: u64, limits: &Limits) {
        while self.admitted.front().is_some_and(|first| first.t_us + limits.window_us <= now_us) {
            self.tokens -= self.admitted.pop_front().map_or(0, |first| first.tokens);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.admitted.is_empty()
    }

    /// Counts a call, or says why not.
    pub(super) fn admit(&mut self, now_us: u64, index: u64, tokens: u64, limits: &Limits) -> Result<(), Exceeded> {
        self.slide(now_us, limits);
        let requests = self.requests_exceeded(now_us, limits);
        let exceeded = requests.into_iter().chain(self.tokens_exceeded(now_us, tokens, limits));
        if let Some(exceeded) = exceeded.max_by_key(|exceeded| exceeded.wait_us) {
            return Err(exceeded);
        }
        self.admitted.push_back(Admitted { t_us: now_us, index, tokens });
        self.tokens += tokens;
        Ok(())
    }

    fn requests_exceeded(&self, now_us: u64, limits: &Limits) -> Option<Exceeded> {
        let used = self.admitted.len() as u64;
        if limits.requests == 0 || used < limits.requests {
            return None;
        }
        let blocking = usize::try_from(used - limits.requests).ok()?;
        let wait_us = self.admitted.get(blocking)?.t_us + limits.window_us - now_us;
        Some(Exceeded { dimension: Dimension::Requests, limit: limits.requests, used, requested: 1, wait_us })
    }

    fn tokens_exceeded(&self, now_us: u64, tokens: u64, limits: &Limits) -> Option<Exceeded> {
        let mut over = (self.tokens + tokens).saturating_sub(limits.tokens);
        if limits.tokens == 0 || over == 0 {
            return None;
        }
        // A call above the limit itself would never be let in; it is told to wait for one window.
        let mut wait_us = limits.window_us;
        for call in &self.admitted {
            over = over.saturating_sub(call.tokens);
            if over == 0 {
                wait_us = call.t_us + limits.window_us - now_us;
                break;
            }
        }
        let (limit, used) = (limits.tokens, self.tokens);
        Some(Exceeded { dimension: Dimension::Tokens, limit, used, requested: tokens, wait_us })
    }

    /// Replaces what a call reserved by what it used.
    pub(super) fn correct(&mut self, index: u64, used: u64) {
        if let Ok(position) = self.admitted.binary_search_by_key(&index, |call| call.index) {
            let call = &mut self.admitted[position];
            self.tokens = self.tokens - call.tokens + used;
            call.tokens = used;
        }
    }

    /// Where both limits stand; `None` for one that is off.
    pub(super) fn levels(&mut self, now_us: u64, limits: &Limits) -> [Option<Level>; 2] {
        self.slide(now_us, limits);
        let full_in_us = self.admitted.back().map_or(0, |last| last.t_us + limits.window_us - now_us);
        [(limits.requests, self.admitted.len() as u64), (limits.tokens, self.tokens)].map(|(limit, used)| {
            (limit > 0).then(|| Level { limit, remaining: limit.saturating_sub(used), full_in_us })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { requests: 2, tokens: 100, window_us: 1_000 };

    #[test]
    fn never_more_than_the_limit_in_any_window() {
        let mut window = Window::default();
        // A call every 7 µs is tried; those let in are checked against every window that starts with one of them.
        let admitted: Vec<u64> =
            (0..2_000).map(|n| n * 7).filter(|&t| window.admit(t, t, 1, &LIMITS).is_ok()).collect();
        for &start in &admitted {
            let inside = admitted.iter().filter(|&&t| t >= start && t < start + LIMITS.window_us).count();
            assert!(inside <= 2, "{inside} calls from {start}");
        }
        assert!(admitted.len() > 26, "the limit is used: {}", admitted.len());
    }

    #[test]
    fn waiting_as_told_is_enough() {
        let mut window = Window::default();
        window.admit(0, 0, 60, &LIMITS).unwrap();
        window.admit(300, 1, 10, &LIMITS).unwrap();
        let refused = window.admit(400, 2, 30, &LIMITS).unwrap_err();
        assert_eq!((refused.dimension, refused.wait_us), (Dimension::Requests, 600));
        assert!(window.admit(999, 2, 30, &LIMITS).is_err());
        window.admit(1_000, 2, 30, &LIMITS).unwrap();
    }

    #[test]
    fn tokens_wait_for_as_many_calls_as_must_leave() {
        let limits = Limits { requests: 0, ..LIMITS };
        let mut window = Window::default();
        for (index, t) in [0, 100, 200].into_iter().enumerate() {
            window.admit(t, index as u64, 30, &limits).unwrap();
        }
        let refused = window.admit(250, 3, 50, &limits).unwrap_err();
        assert_eq!((refused.dimension, refused.used, refused.wait_us), (Dimension::Tokens, 90, 850));
        assert_eq!(window.admit(250, 3, 101, &limits).unwrap_err().wait_us, 1_000);
    }

    #[test]
    fn a_correction_frees_tokens_once() {
        let mut window = Window::default();
        window.admit(0, 7, 90, &LIMITS).unwrap();
        window.correct(7, 20);
        window.correct(8, 0);
        assert_eq!(window.levels(0, &LIMITS)[1].map(|level| level.remaining), Some(80));
        window.slide(1_000, &LIMITS);
        assert_eq!(window.levels(1_000, &LIMITS)[1], Some(Level { limit: 100, remaining: 100, full_in_us: 0 }));
    }
}
