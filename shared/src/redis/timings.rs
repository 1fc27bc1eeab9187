//! How long Redis takes to answer this process.

use std::time::Duration;

use crate::{
    label_values,
    telemetry::{
        Counters, Histograms, Label, Page, combinations,
        metrics::{REDIS_FAILURES, REDIS_SECONDS},
    },
};

label_values! {
    /// What was sent.
    pub(super) enum Sent {
        Script = "script",
        Commands = "commands",
    }
}

/// Times of exchanges on the shared connection; those that block on purpose are none of them.
#[derive(Debug)]
pub(super) struct Timings {
    seconds: Histograms<1>,
    failures: Counters<0>,
}

impl Timings {
    pub(super) fn new() -> Self {
        Self {
            seconds: Histograms::new(&REDIS_SECONDS, combinations(&[Sent::values()])),
            failures: Counters::new(&REDIS_FAILURES, [[]]),
        }
    }

    pub(super) fn answered(&self, sent: Sent, took: Duration) {
        self.seconds.observe([sent.as_str().into()], took.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.failures.add([], 1.0);
    }

    pub(super) fn show(&self, page: &mut Page) {
        self.seconds.show(page);
        self.failures.show(page);
    }
}
