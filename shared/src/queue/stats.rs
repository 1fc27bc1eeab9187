//! Figures of one worker process.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{call::Ending, outcome::OutcomeKind};
use crate::{
    clock,
    job::JobId,
    label_values,
    telemetry::{
        Counters, Histograms, Label, LabelValue, Page, combinations,
        metrics::{ATTEMPTS, CALL_SECONDS, CALLS_UNSENT, COST, JOB_WAIT, PERMIT_WAIT, RUNNING, SLOTS, TAKES, TOKENS},
    },
};

/// What this process has done since its start.
#[derive(Debug)]
pub struct WorkerStats {
    succeeded: AtomicU64,
    failed: AtomicU64,
    running: AtomicU64,
    peak: AtomicU64,
    slots: AtomicU64,
    /// Cancelled by the end of the first job.
    proven: CancellationToken,
    last_call: Mutex<Option<Instant>>,
    attempts: Counters<1>,
    takes: Counters<1>,
    job_wait: Histograms<0>,
    permit_wait: Histograms<0>,
    calls: Histograms<2>,
    unsent: Counters<1>,
    tokens: Counters<2>,
    cost: Counters<1>,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self::new(None)
    }
}

label_values! {
    /// What came of a question for jobs.
    pub(super) enum Taking {
        Jobs = "jobs",
        Empty = "empty",
        NoPermit = "permit",
        Unannounced = "unannounced",
        Unproven = "unproven",
    }
}

label_values! {
    /// How a call that was sent has ended.
    enum CallOutcome {
        Ok = "ok",
        Rejected = "rejected",
        Limited = "limited",
        Refused = "refused",
        Failed = "failed",
        Blocked = "blocked",
    }
}

impl CallOutcome {
    /// `None` if the call was not sent.
    const fn of(ending: Ending) -> Option<Self> {
        match ending {
            Ending::Ok => Some(Self::Ok),
            Ending::Rejected => Some(Self::Rejected),
            Ending::Limited { .. } | Ending::Paused { .. } => Some(Self::Limited),
            Ending::Own | Ending::Doubted => Some(Self::Refused),
            Ending::Failed => Some(Self::Failed),
            Ending::Blocked => Some(Self::Blocked),
            Ending::Unsent => None,
        }
    }
}

label_values! {
    /// Whose tokens.
    enum Direction {
        Prompt = "prompt",
        Answer = "answer",
    }
}

impl WorkerStats {
    /// Of a process that calls `provider` alone. All series exist at once, with the value 0.
    pub(super) fn new(provider: Option<&str>) -> Self {
        let providers: Vec<LabelValue> = provider.into_iter().map(|name| name.to_owned().into()).collect();
        let per_provider = || providers.iter().map(|provider| [provider.clone()]);
        let [succeeded, failed, running, peak, slots] = std::array::from_fn(|_| AtomicU64::default());
        Self {
            succeeded,
            failed,
            running,
            peak,
            slots,
            proven: CancellationToken::new(),
            last_call: Mutex::default(),
            attempts: Counters::new(&ATTEMPTS, combinations(&[OutcomeKind::values()])),
            takes: Counters::new(&TAKES, combinations(&[Taking::values()])),
            job_wait: Histograms::new(&JOB_WAIT, [[]]),
            permit_wait: Histograms::new(&PERMIT_WAIT, [[]]),
            calls: Histograms::new(&CALL_SECONDS, combinations(&[providers.clone(), CallOutcome::values()])),
            unsent: Counters::new(&CALLS_UNSENT, per_provider()),
            tokens: Counters::new(&TOKENS, combinations(&[providers.clone(), Direction::values()])),
            cost: Counters::new(&COST, per_provider()),
        }
    }
}

/// A call to an upstream that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedCall<'a> {
    pub(super) provider: &'a str,
    pub(super) ending: Ending,
    /// Since it was let go; `None` of a call that never was.
    pub(super) took: Option<Duration>,
    pub(super) tokens: Option<(u64, u64)>,
    pub(super) micros: u64,
}

impl WorkerStats {
    /// Attempts that ended, well or not.
    #[must_use]
    pub fn processed(&self) -> u64 {
        self.succeeded() + self.failed()
    }

    /// Attempts that ended well.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    /// Attempts that did not end well. A snooze is not one of them.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Jobs that run now.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// The most that ever ran at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    pub(super) fn started(&self) {
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.peak.fetch_max(running, Relaxed);
    }

    pub(super) fn ended(&self, outcome: OutcomeKind) {
        self.attempts.add([outcome.as_str().into()], 1.0);
        match outcome {
            OutcomeKind::Complete => self.succeeded.fetch_add(1, Relaxed),
            OutcomeKind::Retry | OutcomeKind::Fail => self.failed.fetch_add(1, Relaxed),
            OutcomeKind::Snooze | OutcomeKind::Cancel => 0,
        };
        if self.processed() > 0 {
            self.proven.cancel();
        }
    }

    /// Cancelled once this process has finished a job.
    pub(super) const fn proven(&self) -> &CancellationToken {
        &self.proven
    }

    /// A call is let go.
    pub(super) fn call_sent(&self) {
        *self.last_call.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago the last call was let go; `None` if there was none.
    pub(super) fn since_last_call(&self) -> Option<Duration> {
        self.last_call.lock().unwrap_or_else(PoisonError::into_inner).map(|last| last.elapsed())
    }

    pub(super) fn stopped(&self) {
        self.running.fetch_sub(1, Relaxed);
    }

    pub(super) fn has_slots(&self, slots: usize) {
        self.slots.store(slots as u64, Relaxed);
    }

    pub(super) fn took(&self, taking: Taking) {
        self.takes.add([taking.as_str().into()], 1.0);
    }

    /// The job starts for the first time.
    pub(super) fn first_start(&self, id: JobId) {
        let waited = clock::unix_ms().saturating_sub(id.made_at_ms());
        self.job_wait.observe([], Duration::from_millis(waited).as_secs_f64());
    }

    pub(super) fn waited_for_permit(&self, waited: Duration) {
        self.permit_wait.observe([], waited.as_secs_f64());
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of one call, far below 2^52")]
    pub(super) fn called(&self, call: EndedCall<'_>) {
        let provider = || call.provider.to_owned().into();
        match (call.took, CallOutcome::of(call.ending)) {
            (Some(took), Some(outcome)) => {
                self.calls.observe([provider(), outcome.as_str().into()], took.as_secs_f64());
            }
            _ => self.unsent.add([provider()], 1.0),
        }
        let (prompt, answer) = call.tokens.unwrap_or_default();
        for (direction, tokens) in [(Direction::Prompt, prompt), (Direction::Answer, answer)] {
            if tokens > 0 {
                self.tokens.add([provider(), direction.as_str().into()], tokens as f64);
            }
        }
        if call.micros > 0 {
            self.cost.add([provider()], call.micros as f64 / 1_000_000.0);
        }
    }

    /// Shows all of it.
    #[expect(clippy::cast_precision_loss, reason = "jobs of one process, far below 2^52")]
    pub fn show(&self, page: &mut Page) {
        page.gauge(&SLOTS, self.slots.load(Relaxed) as f64);
        page.gauge(&RUNNING, self.running() as f64);
        for counters in [&self.attempts, &self.takes, &self.unsent, &self.cost] {
            counters.show(page);
        }
        self.tokens.show(page);
        for histograms in [&self.job_wait, &self.permit_wait] {
            histograms.show(page);
        }
        self.calls.show(page);
    }
}
