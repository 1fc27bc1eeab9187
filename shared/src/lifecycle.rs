//! Two-stage shutdown, the same in every binary.
//!
//! The first SIGTERM or SIGINT asks to drain: take nothing new, finish what runs. The second one, or the end of the
//! drain time, asks to leave now.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The two stages of stopping, and the tasks that a stop waits for.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    drain: CancellationToken,
    leave: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Nothing has been asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Resolves when draining has been asked for.
    #[must_use]
    pub const fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Resolves when everything must end now.
    #[must_use]
    pub const fn leave(&self) -> &CancellationToken {
        &self.leave
    }

    /// Where background tasks are spawned, so that a stop waits for them.
    #[must_use]
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Listens for SIGTERM and SIGINT.
    ///
    /// # Errors
    ///
    /// When the signal handlers can't be installed.
    pub fn listen_for_signals(&self, drain_time: Duration) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (drain, leave) = (self.drain.clone(), self.leave.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = drain.cancelled() => {}
            }
            tracing::info!(
                drain_ms = drain_time.as_millis(),
                "Stopping: what runs may finish; a second signal ends it"
            );
            drain.cancel();
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = leave.cancelled() => {}
                () = tokio::time::sleep(drain_time) => {}
            }
            leave.cancel();
        });
        Ok(())
    }

    /// Ends what still runs in the background and waits for it: the last thing that a process does.
    pub async fn finish(&self) {
        self.drain.cancel();
        self.leave.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
