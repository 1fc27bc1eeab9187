//! A running simulator, and what a test does with it.

use std::{fmt::Display, io, sync::Arc, time::Duration};

use axum::serve::ListenerExt;
use tokio_util::task::TaskTracker;

use super::{
    Arrival, Bill, ConfigPatch, Fault, FaultRule, SimulatorConfig, SpeechStats, Stats, router::router, state::Upstream,
};

/// Starts simulators.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Starts a simulator on the Tokio runtime that this is called on. It answers as soon as this returns.
    ///
    /// # Errors
    ///
    /// When the port is taken or may not be used.
    pub fn start(config: SimulatorConfig) -> io::Result<RunningSimulator> {
        let listener = crate::listen::listen(config.port)?;
        let port = listener.local_addr()?.port();
        // Answers are small: without this, one may wait for the client's delayed acknowledgement of the one before.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let upstream = Arc::new(Upstream::new(config));
        let stop = upstream.stop.clone();
        let serve = axum::serve(listener, router(Arc::clone(&upstream)))
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let tasks = TaskTracker::new();
        tasks.spawn(async move { serve.await });
        tasks.close();
        Ok(RunningSimulator { upstream, port, tasks })
    }
}

/// A simulator that runs until this is dropped.
#[derive(Debug)]
pub struct RunningSimulator {
    upstream: Arc<Upstream>,
    port: u16,
    tasks: TaskTracker,
}

impl RunningSimulator {
    /// What a client of OpenAI takes as its base: `http://127.0.0.1:PORT/v1`, or as the profile has it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{}", self.control_url(), self.upstream.profile().address())
    }

    /// What the provider has charged since the log was cleared.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.upstream.bill()
    }

    /// Where `/_sim/…` is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a client of Azure Speech takes as its base.
    #[must_use]
    pub fn speech_url(&self) -> String {
        self.control_url()
    }

    /// What the speech side has seen.
    #[must_use]
    pub fn speech_stats(&self) -> SpeechStats {
        self.upstream.speech.stats()
    }

    /// The speech side counts from nought.
    pub fn clear_speech(&self) {
        self.upstream.speech.clear();
    }

    /// The next `count` calls meet this fault, after those that were set before.
    pub fn fail_next(&self, fault: Fault, count: u32) {
        self.inject(FaultRule { count: Some(count), ..FaultRule::new(fault) });
    }

    /// From now on and for this long calls meet this fault.
    pub fn fail_for(&self, fault: Fault, span: Duration) {
        let for_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.inject(FaultRule { for_ms: Some(for_ms), ..FaultRule::new(fault) });
    }

    /// From now on calls whose prompt has `text` meet this fault.
    pub fn fail_text(&self, fault: Fault, text: impl Into<String>) {
        self.inject(FaultRule { containing: Some(text.into()), ..FaultRule::new(fault) });
    }

    /// Sets any rule.
    pub fn inject(&self, rule: FaultRule) {
        self.upstream.inject(rule);
    }

    /// Calls succeed again.
    pub fn clear_faults(&self) {
        self.upstream.clear_faults();
    }

    /// How long an answer takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.configure(&ConfigPatch { latency_ms: Some(latency_ms), ..ConfigPatch::default() });
    }

    /// Changes the configuration.
    pub fn configure(&self, patch: &ConfigPatch) {
        self.upstream.configure(patch);
    }

    /// Every call in the log.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.upstream.page(0, usize::MAX)
    }

    /// The calls of one job.
    #[must_use]
    pub fn calls_of(&self, job: impl Display) -> Vec<Arrival> {
        self.upstream.of_job(&job.to_string())
    }

    /// Empties the log; calls count from nought.
    pub fn clear_arrivals(&self) {
        self.upstream.clear_arrivals();
    }

    /// Summarises the log, with the fullest window of this length.
    #[must_use]
    pub fn stats(&self, window: Duration) -> Stats {
        self.upstream.stats(u64::try_from(window.as_micros()).unwrap_or(u64::MAX))
    }

    /// Waits until there were this many calls since the start, or since the log was cleared.
    pub async fn wait_for_calls(&self, calls: u64) {
        self.upstream.wait_for_calls(calls).await;
    }

    /// From now on calls are logged and then wait.
    pub fn hold(&self) {
        self.upstream.set_held(true);
    }

    /// Waiting calls go on, and new ones no longer wait.
    pub fn release(&self) {
        self.upstream.set_held(false);
    }

    /// Stops: no more connections, and those that wait for an answer are closed. When this returns, the port is free.
    pub async fn stop(self) {
        self.upstream.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.upstream.stop.cancel();
    }
}
