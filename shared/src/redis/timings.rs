//! How long Redis takes to answer this process.

use std::time::Duration;

use crate::telemetry::{
    Counters, Histograms, Page,
    metrics::{REDIS_FAILURES, REDIS_SCRIPT_FAILURES, REDIS_SCRIPT_SECONDS, REDIS_SECONDS},
};

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The script of this name.
    Script(&'static str),
    Commands,
}

/// Times of exchanges on the shared connection; those that block on purpose are none of them.
#[derive(Debug)]
pub(super) struct Timings {
    seconds: Histograms<1>,
    failures: Counters<0>,
    script_seconds: Counters<1>,
    script_failures: Counters<1>,
}

impl Timings {
    pub(super) fn new() -> Self {
        Self {
            seconds: Histograms::new(&REDIS_SECONDS),
            failures: Counters::new(&REDIS_FAILURES),
            script_seconds: Counters::new(&REDIS_SCRIPT_SECONDS),
            script_failures: Counters::new(&REDIS_SCRIPT_FAILURES),
        }
    }

    pub(super) fn answered(&self, sent: Sent, took: Duration) {
        let call = match sent {
            Sent::Script(name) => {
                self.script_seconds.add([name.into()], took.as_secs_f64());
                "script"
            }
            Sent::Commands => "commands",
        };
        self.seconds.observe([call.into()], took.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.failures.add([], 1.0);
    }

    pub(super) fn script_failed(&self, name: &'static str) {
        self.script_failures.add([name.into()], 1.0);
    }

    pub(super) fn show(&self, page: &mut Page) {
        self.seconds.show(page);
        self.failures.show(page);
        self.script_seconds.show(page);
        self.script_failures.show(page);
    }
}
