//! Waiting for a job's end without polling: one subscription connection for the whole process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::Queue;
use crate::{
    job::{JobId, JobView},
    lifecycle::Lifecycle,
    redis::UnavailableError,
};

/// Pause before the subscriber connects again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Pause before a job is read again that could not be read.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// A subscription to a server that was demoted, or can't be reached any more, is silent. So in this interval the shared connection
/// is asked whether Redis is well.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// What has happened that makes a look at the job worth while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    /// Ends and other changes of the state. 0: not subscribed yet.
    changes: u64,
    /// Starts of attempts and progress, for which nobody waits who waits for the end.
    steps: u64,
}

type Changes = watch::Sender<Seen>;

/// The ends of jobs, pushed by Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobEvents {
    queue: Queue,
    waited_for: Arc<WaitedFor>,
    requests: mpsc::UnboundedSender<Request>,
    drain: CancellationToken,
}

#[derive(Debug, Default)]
struct WaitedFor(Mutex<HashMap<JobId, Changes>>);

#[derive(Debug)]
enum Request {
    Subscribe(JobId),
    Unsubscribe(JobId),
}

impl JobEvents {
    /// Starts the subscriber on `lifecycle`'s tasks. It connects at once and again whenever the connection is lost.
    #[must_use]
    pub fn start(queue: Queue, lifecycle: &Lifecycle) -> Self {
        let (requests, received) = mpsc::unbounded_channel();
        let waited_for = Arc::<WaitedFor>::default();
        let subscriber = Subscriber { queue: queue.clone(), waited_for: Arc::clone(&waited_for), requests: received };
        let leave = lifecycle.leave().clone();
        lifecycle.tasks().spawn(async move { leave.run_until_cancelled(subscriber.run()).await });
        Self { queue, waited_for, requests, drain: lifecycle.drain().clone() }
    }

    /// Waits until the job has ended, at most `patience`; then answers with the job as it is, ended or not. `None`: not known.
    /// When the process drains it answers at once.
    ///
    /// Redis is read once at the beginning, once at the end, and once where the subscription had to be made again; never
    /// in between.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<JobView>, UnavailableError> {
        let until = Instant::now() + patience;
        let mut waiter = self.waiter(id);
        loop {
            let changed = timeout_at(until, self.drain.run_until_cancelled(waiter.changed(false))).await;
            let job = self.queue.job(id).await?;
            let ended = job.as_ref().is_none_or(|job| job.state.is_final());
            if ended || !matches!(changed, Ok(Some(true))) {
                return Ok(job);
            }
        }
    }

    /// Follows a job from where it stands.
    #[must_use]
    pub fn follow(&self, id: JobId) -> JobChanges {
        JobChanges { waiter: self.waiter(id) }
    }

    fn waiter(&self, id: JobId) -> Waiter {
        let mut jobs = self.waited_for.lock();
        let changes = jobs.entry(id).or_insert_with(|| {
            // Under the lock, so that requests for one job are made in the order of its waiters. A closed channel means that
            // the process is leaving.
            let _ = self.requests.send(Request::Subscribe(id));
            Changes::default()
        });
        // What was seen before counts: where the subscription stands already, the waiter looks at once.
        Waiter { events: self.clone(), id, changes: changes.subscribe(), seen: Seen::default() }
    }
}

/// One who waits. The last one to go ends the subscription.
#[derive(Debug)]
struct Waiter {
    events: JobEvents,
    id: JobId,
    changes: watch::Receiver<Seen>,
    seen: Seen,
}

impl Waiter {
    /// Resolves when there is something to look at, steps in between included where they matter; `false`: nothing will ever be.
    async fn changed(&mut self, steps: bool) -> bool {
        loop {
            let now = *self.changes.borrow_and_update();
            if now.changes != self.seen.changes || (steps && now != self.seen) {
                self.seen = now;
                return true;
            }
            if self.changes.changed().await.is_err() {
                return false;
            }
        }
    }
}

/// One job, followed: each look at it is one read, and Redis is read only when something has happened.
#[derive(Debug)]
pub struct JobChanges {
    waiter: Waiter,
}

impl JobChanges {
    /// The job after the next thing that happens to it: a change of its state, or progress. `None` when the job is not known
    /// (any more), or the process drains.
    ///
    /// While Redis is away it waits for it to come back.
    pub async fn next(&mut self) -> Option<JobView> {
        let drain = self.waiter.events.drain.clone();
        drain.run_until_cancelled(self.look()).await.flatten()
    }

    async fn look(&mut self) -> Option<JobView> {
        if !self.waiter.changed(true).await {
            return None;
        }
        loop {
            match self.waiter.events.queue.job(self.waiter.id).await {
                Ok(job) => return job,
                Err(_) => tokio::time::sleep(AWAY_PAUSE).await,
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut jobs = self.events.waited_for.lock();
        // This one's receiver still counts.
        if jobs.get(&self.id).is_some_and(|changes| changes.receiver_count() <= 1) {
            jobs.remove(&self.id);
            let _ = self.events.requests.send(Request::Unsubscribe(self.id));
        }
    }
}

impl WaitedFor {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Changes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, id: JobId) {
        self.note(id, |seen| seen.changes += 1);
    }

    fn stepped(&self, id: JobId) {
        self.note(id, |seen| seen.steps += 1);
    }

    fn note(&self, id: JobId, what: impl FnOnce(&mut Seen)) {
        if let Some(changes) = self.lock().get(&id) {
            changes.send_modify(what);
        }
    }

    fn ids(&self) -> Vec<JobId> {
        self.lock().keys().copied().collect()
    }
}

struct Subscriber {
    queue: Queue,
    waited_for: Arc<WaitedFor>,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Subscriber {
    async fn run(mut self) {
        let (redis, waited_for) = (self.queue.redis.clone(), Arc::clone(&self.waited_for));
        let asking = async {
            loop {
                tokio::time::sleep(ASK_INTERVAL).await;
                // While nobody waits, it does not matter. An error is told and mended by the pool.
                if !waited_for.ids().is_empty() {
                    let _ = redis.ping().await;
                }
            }
        };
        tokio::select! {
            () = asking => {}
            () = self.subscribe() => {}
        }
    }

    async fn subscribe(&mut self) {
        let mut away = false;
        loop {
            // Before the connection is made, so that no replacement goes unseen.
            let replacement = self.queue.redis.replacement();
            match self.queue.redis.subscriber().await {
                Ok(connection) => {
                    away = false;
                    tokio::select! {
                        served = self.serve(connection) => if let Err(error) = served {
                            tracing::warn!(error = &error as &dyn std::error::Error, "The subscription was lost");
                        },
                        () = replacement => tracing::info!("The subscription moves to where Redis answers now"),
                    }
                }
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "Redis is away: waits see a job's end late"
                    );
                }
                Err(_) => {}
            }
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }

    /// Serves until the connection is lost.
    async fn serve(&mut self, connection: PubSub) -> Result<(), redis::RedisError> {
        let (mut sink, mut messages) = connection.split();
        for id in self.waited_for.ids() {
            sink.subscribe(self.queue.keys.events(id)).await?;
            self.waited_for.changed(id);
        }
        let prefix = self.queue.keys.events_prefix();
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    let id = message.get_channel_name().strip_prefix(&prefix).and_then(|id| id.parse().ok());
                    match (id, message.get_payload_bytes()) {
                        (Some(id), b"progress" | b"active") => self.waited_for.stepped(id),
                        (Some(id), _) => self.waited_for.changed(id),
                        (None, _) => {}
                    }
                }
                request = self.requests.recv() => match request {
                    Some(Request::Subscribe(id)) => {
                        sink.subscribe(self.queue.keys.events(id)).await?;
                        self.waited_for.changed(id);
                    }
                    Some(Request::Unsubscribe(id)) => sink.unsubscribe(self.queue.keys.events(id)).await?,
                    None => return Ok(()),
                },
            }
        }
    }
}
