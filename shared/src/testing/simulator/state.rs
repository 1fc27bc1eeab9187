//! What all connections share. One lock decides on a call, counts it and logs it with its time, so that the log is in
//! order and the limits are exact.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::limiter::TokenAccounting;

use super::{
    Arrival, Bill, ConfigPatch, FaultRule, ProviderProfile, SimulatorConfig, Stats,
    arrivals::{ArrivalLog, Entry},
    bill::{Charge, Use},
    faults::{FaultQueue, Injected},
    limits::{Exceeded, Limits, Window},
    rate_headers::Levels,
    speech::Book,
    stats::summarise,
};

/// So many keys have a window each before idle ones are forgotten.
const KEYS: usize = 1_024;
/// Beginnings of prompts that are remembered.
const PREFIXES: usize = 100_000;
/// Longest part of a request id that is kept, in bytes.
const REQUEST_ID: usize = 128;

/// The simulated provider.
#[derive(Debug)]
pub(super) struct Upstream {
    inner: Mutex<Inner>,
    epoch_us: u64,
    started: Instant,
    hasher: RandomState,
    calls: watch::Sender<u64>,
    held: watch::Sender<bool>,
    pub(super) stop: CancellationToken,
    pub(super) speech: Arc<Book>,
}

#[derive(Debug)]
struct Inner {
    config: SimulatorConfig,
    faults: FaultQueue,
    windows: HashMap<u64, Window>,
    log: ArrivalLog,
    bill: Bill,
    /// Beginnings of prompts that the provider has in its cache.
    prefixes: HashSet<u64>,
    in_flight: u32,
    max_in_flight: u32,
}

/// What a well-formed call asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) key: u64,
    pub(super) reserved: u32,
    /// Whether it counts against the rate limits.
    pub(super) limited: bool,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Answer,
    Fault(Injected),
    Exceeded(Exceeded),
}

/// A call that is being handled; it stops counting as in flight when it is dropped.
#[derive(Debug)]
pub(super) struct Call {
    upstream: Arc<Upstream>,
    ask: Option<Ask>,
    pub(super) index: u64,
    pub(super) verdict: Verdict,
    pub(super) levels: Levels,
    latency: Duration,
}

/// The simulator stops: the connection is to be closed.
#[derive(Debug)]
pub(super) struct Stopped;

impl Upstream {
    pub(super) fn new(config: SimulatorConfig) -> Self {
        let inner = Inner {
            log: ArrivalLog::new(config.keep_arrivals),
            config,
            faults: FaultQueue::default(),
            windows: HashMap::new(),
            bill: Bill::default(),
            prefixes: HashSet::new(),
            in_flight: 0,
            max_in_flight: 0,
        };
        Self {
            inner: Mutex::new(inner),
            epoch_us: crate::clock::unix_ms() * 1_000,
            started: Instant::now(),
            hasher: RandomState::new(),
            calls: watch::Sender::new(0),
            held: watch::Sender::new(false),
            stop: CancellationToken::new(),
            speech: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held; if it did, a test would rather see the log than another panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wall clock at the start plus what has passed since: it never jumps.
    fn now_us(&self) -> u64 {
        self.epoch_us + u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX / 2)
    }

    /// A number that stands for a key. It means nothing outside of this process, and the key itself is kept nowhere.
    pub(super) fn key_of(&self, secret: &str) -> u64 {
        self.hasher.hash_one(secret)
    }

    /// Logs a call and decides on it. `ask` is `None` for one that is refused whatever the limits are.
    /// `has` says whether its prompt has a text.
    pub(super) fn arrive(self: &Arc<Self>, request_id: &str, ask: Option<Ask>, has: impl Fn(&str) -> bool) -> Call {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let now_us = self.now_us();
        let index = inner.log.next_index();
        let (verdict, levels) = ask.map_or((Verdict::Answer, [None; 2]), |ask| inner.decide(now_us, index, ask, has));
        inner.log.push(Entry {
            t_us: now_us,
            request_id: request_id[..request_id.floor_char_boundary(REQUEST_ID)].into(),
            reserved: ask.map_or(0, |ask| ask.reserved),
            used: 0,
            status: 0,
            fault: if let Verdict::Fault(injected) = verdict { Some(injected.fault) } else { None },
        });
        inner.in_flight += 1;
        inner.max_in_flight = inner.max_in_flight.max(inner.in_flight);
        let latency = Duration::from_millis(inner.config.latency_ms);
        self.calls.send_replace(inner.log.calls());
        drop(guard);
        Call { upstream: Arc::clone(self), ask, index, verdict, levels, latency }
    }

    /// Whom it stands in for.
    pub(super) fn profile(&self) -> ProviderProfile {
        self.lock().config.profile
    }

    /// Counts the prompt's beginning as cached, or writes it into the cache: whether it was there.
    pub(super) fn is_cached(&self, beginning: &str) -> bool {
        let beginning = self.hasher.hash_one(beginning);
        let mut inner = self.lock();
        if inner.prefixes.len() >= PREFIXES {
            inner.prefixes.clear();
        }
        !inner.prefixes.insert(beginning)
    }

    pub(super) fn charge(&self, used: &Use, charge: Charge) {
        self.lock().bill.add(used, charge);
    }

    pub(super) fn bill(&self) -> Bill {
        self.lock().bill
    }

    pub(super) fn inject(&self, rule: FaultRule) {
        let now_us = self.now_us();
        self.lock().faults.push(rule, now_us);
    }

    pub(super) fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    pub(super) fn config(&self) -> SimulatorConfig {
        self.lock().config.clone()
    }

    pub(super) fn configure(&self, patch: &ConfigPatch) -> SimulatorConfig {
        let mut inner = self.lock();
        inner.config.apply(patch);
        inner.config.clone()
    }

    pub(super) fn page(&self, since: u64, limit: usize) -> Vec<Arrival> {
        self.lock().log.page(since, limit)
    }

    pub(super) fn of_job(&self, job: &str) -> Vec<Arrival> {
        self.lock().log.of_job(job)
    }

    pub(super) fn clear_arrivals(&self) {
        let mut inner = self.lock();
        inner.log.clear();
        inner.bill = Bill::default();
        inner.max_in_flight = inner.in_flight;
        self.calls.send_replace(0);
    }

    pub(super) fn stats(&self, window_us: u64) -> Stats {
        let inner = self.lock();
        summarise(inner.log.entries(), window_us, inner.config.token_accounting, inner.max_in_flight)
    }

    /// Calls since the log was cleared.
    pub(super) fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    pub(super) async fn wait_for_calls(&self, calls: u64) {
        // The sender lives as long as `self`, so the wait can't fail.
        let _ = self.calls.subscribe().wait_for(|arrived| *arrived >= calls).await;
    }

    pub(super) fn set_held(&self, held: bool) {
        self.held.send_replace(held);
    }
}

impl Inner {
    fn decide(&mut self, now_us: u64, index: u64, ask: Ask, has: impl Fn(&str) -> bool) -> (Verdict, Levels) {
        let met = self.faults.meet(now_us, has);
        let fault = met.map(|(_, injected)| injected);
        let limits = Limits::from(&self.config);
        let mut verdict = fault.map_or(Verdict::Answer, Verdict::Fault);
        let mut levels = [None; 2];
        if ask.limited && !limits.off() {
            if self.windows.len() >= KEYS {
                self.windows.retain(|_, window| {
                    window.slide(now_us, &limits);
                    !window.is_empty()
                });
            }
            let window = self.windows.entry(ask.key).or_default();
            if !fault.is_some_and(|injected| injected.fault.at_the_door())
                && let Err(exceeded) = window.admit(now_us, index, u64::from(ask.reserved), &limits)
            {
                verdict = Verdict::Exceeded(exceeded);
            }
            if self.config.rate_headers {
                levels = window.levels(now_us, &limits);
            }
        }
        if let (Verdict::Fault(_), Some((rule, _))) = (verdict, met) {
            self.faults.spend(rule);
        }
        (verdict, levels)
    }
}

impl Call {
    /// Waits while calls are held.
    pub(super) async fn pass_gate(&self) -> Result<(), Stopped> {
        if !*self.upstream.held.borrow() {
            return Ok(());
        }
        let mut held = self.upstream.held.subscribe();
        tokio::select! {
            () = self.upstream.stop.cancelled() => Err(Stopped),
            _ = held.wait_for(|held| !held) => Ok(()),
        }
    }

    /// Takes as long as an answer takes.
    pub(super) async fn work(&self) -> Result<(), Stopped> {
        if self.latency.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = self.upstream.stop.cancelled() => Err(Stopped),
            () = tokio::time::sleep(self.latency) => Ok(()),
        }
    }

    /// Waits for the end of the simulator.
    pub(super) async fn stall(&self) -> Stopped {
        self.upstream.stop.cancelled().await;
        Stopped
    }

    /// Logs the answer, and corrects the window where real use counts.
    pub(super) fn answered(&self, status: u16, used: u32) {
        let mut inner = self.upstream.lock();
        if let Some(entry) = inner.log.entry_mut(self.index) {
            entry.status = status;
            entry.used = used;
        }
        if inner.config.token_accounting == TokenAccounting::Used
            && let Some(window) = self.ask.and_then(|ask| inner.windows.get_mut(&ask.key))
        {
            window.correct(self.index, u64::from(used));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.upstream.lock().in_flight -= 1;
    }
}
