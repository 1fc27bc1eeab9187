//! How long Redis takes to answer this process.

use std::time::Duration;

use crate::{
    label_values,
    telemetry::{
        Counters, Histograms, Label, Page, combinations,
        metrics::{REDIS_FAILURES, REDIS_SCRIPT_FAILURES, REDIS_SCRIPT_SECONDS, REDIS_SECONDS},
    },
};

/// The scripts of this build, by name.
const SCRIPTS: &[&str] = include!(concat!(env!("OUT_DIR"), "/lua_names.rs"));

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The script of this name.
    Script(&'static str),
    Commands,
}

label_values! {
    /// What kind of call was sent.
    enum Call {
        Script = "script",
        Commands = "commands",
    }
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
        let scripts = || combinations(&[SCRIPTS.iter().map(|name| (*name).into()).collect()]);
        Self {
            seconds: Histograms::new(&REDIS_SECONDS, combinations(&[Call::values()])),
            failures: Counters::new(&REDIS_FAILURES, [[]]),
            script_seconds: Counters::new(&REDIS_SCRIPT_SECONDS, scripts()),
            script_failures: Counters::new(&REDIS_SCRIPT_FAILURES, scripts()),
        }
    }

    pub(super) fn answered(&self, sent: Sent, took: Duration) {
        let call = match sent {
            Sent::Script(name) => {
                self.script_seconds.add([name.into()], took.as_secs_f64());
                Call::Script
            }
            Sent::Commands => Call::Commands,
        };
        self.seconds.observe([call.as_str().into()], took.as_secs_f64());
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
