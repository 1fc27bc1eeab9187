//! What the suite needs of a backend.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use apalis_redis::Config;
use serde::{Deserialize, Serialize};
use shared::{
    job::{Kind, QueueName},
    testing::TestRedis,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Attempts that a job has.
pub(super) const MAX_ATTEMPTS: u32 = 2;

/// The job of the suite.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Echo {
    pub(super) say: String,
}

impl Kind for Echo {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Well,
    Badly,
    BadlyFor(Duration),
}

/// What the suite's handler does.
pub(super) type Behaviour = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = End> + Send>> + Send + Sync>;

/// What a handler needs: it tells what it runs, and does as it is told.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) runs: UnboundedSender<String>,
    pub(super) behaviour: Behaviour,
}

impl Script {
    pub(super) async fn play(&self, say: String) -> End {
        let _ = self.runs.send(say);
        (self.behaviour)().await
    }
}

/// How a worker is asked to stop, and how it says that it has heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    pub(super) asked: CancellationToken,
    pub(super) heard: CancellationToken,
}

/// A worker over the backend.
pub(super) struct Running {
    stop: Stop,
    patience: Duration,
    runs: UnboundedReceiver<String>,
    ended: JoinHandle<String>,
}

impl Running {
    /// Starts what `worker` makes of a script and of being asked to stop; its output says how it ended.
    pub(super) fn start<F>(patience: Duration, behaviour: Behaviour, worker: impl FnOnce(Script, Stop) -> F) -> Self
    where
        F: Future<Output = String> + Send + 'static,
    {
        let (sender, runs) = unbounded_channel();
        let stop = Stop::default();
        #[expect(clippy::disallowed_methods, reason = "the test joins it")]
        let ended = tokio::spawn(worker(Script { runs: sender, behaviour }, stop.clone()));
        Self { stop, patience, runs, ended }
    }

    /// The next attempt that starts; an error where the worker ends first, or nothing comes.
    pub(super) async fn next_run(&mut self) -> Result<String, String> {
        match timeout(self.patience, self.runs.recv()).await {
            Ok(Some(say)) => Ok(say),
            // A worker that ends lets go of its handler.
            Ok(None) => Err(format!("the worker ended: {}", (&mut self.ended).await.unwrap_or_else(|e| e.to_string()))),
            Err(_) => Err("no attempt was started".to_owned()),
        }
    }

    /// Attempts that have started and were not asked for.
    pub(super) fn more_runs(&mut self) -> usize {
        let mut count = 0;
        while self.runs.try_recv().is_ok() {
            count += 1;
        }
        count
    }

    /// Asks the worker to stop; it knows when this returns.
    pub(super) async fn ask_to_stop(&self) {
        self.stop.asked.cancel();
        self.stop.heard.cancelled().await;
    }

    /// Stops the worker and waits for its end.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        self.stop.asked.cancel();
        let ended = timeout(self.patience, &mut self.ended).await;
        ended.map(|_| ()).map_err(|_| "the worker does not end when it is stopped".to_owned())
    }

    /// Ends the worker as a crash does.
    pub(super) async fn crash(self) {
        self.ended.abort();
        let _ = self.ended.await;
    }
}

/// A backend under test.
pub(super) trait Subject {
    /// How long to wait for what should happen. A check that passes never waits for all of it; one that is known to fail may.
    const PATIENCE: Duration;
    /// On an empty Redis.
    async fn new(redis: &TestRedis, config: Config) -> Self;
    /// The server that it is on.
    fn redis(&self) -> &redis::Client;
    async fn push(&mut self, say: &str);
    async fn push_many(&mut self, count: usize);
    /// A job whose payload does not decode.
    async fn push_garbage(&mut self);
    fn start(&self, behaviour: Behaviour) -> Running;
    /// Heartbeats, and with them polls, are further apart from now on than [`Self::PATIENCE`].
    fn make_heartbeats_rare(&mut self);
    /// The command that counts the jobs that ended well.
    fn count_done(&self) -> redis::Cmd;
    /// The command that counts those that failed for good.
    fn count_dead(&self) -> redis::Cmd;
}
