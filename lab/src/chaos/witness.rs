//! Who watches the events of all jobs, and counts their ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::StreamExt;
use shared::{
    job::JobState,
    redis::{Keys, RedisPool},
};
use tokio::{
    sync::watch,
    time::{Duration, sleep, timeout},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// No job has this name, and no state.
const MARK: &str = "mark";
/// Pause before it connects again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Counts the ends of jobs as they are announced, until it is dropped.
#[derive(Debug)]
pub(super) struct Witness {
    seen: Arc<Mutex<Seen>>,
    /// The channel on which it is asked how far it has come.
    mark: String,
    _watching: AbortOnDropHandle<()>,
}

/// What was announced.
#[derive(Debug, Default)]
struct Seen {
    ends: HashMap<String, u32>,
    gaps: u32,
    /// Marks that have come: whatever was announced before one has been counted.
    marks: u32,
}

impl Witness {
    /// Watches from now on.
    pub(super) async fn start(pool: RedisPool, keys: &Keys) -> anyhow::Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let (subscribed, mut is_subscribed) = watch::channel(false);
        let watching = watch_events(pool, keys.events_prefix(), Arc::clone(&seen), subscribed);
        let watching = AbortOnDropHandle::new(TaskTracker::new().spawn(watching));
        timeout(Duration::from_secs(10), is_subscribed.wait_for(|subscribed| *subscribed)).await??;
        Ok(Self { seen, mark: format!("{}{MARK}", keys.events_prefix()), _watching: watching })
    }

    /// Resolves when all that has been announced until now is counted, or was lost with the subscription.
    pub(super) async fn catch_up(&self, pool: &RedisPool) -> anyhow::Result<()> {
        let before = lock(&self.seen).marks;
        let asking = async {
            while lock(&self.seen).marks == before {
                let mut mark = redis::pipe();
                mark.publish(&self.mark, MARK).ignore();
                pool.query::<()>(&mark).await?;
                sleep(RECONNECT_PAUSE).await;
            }
            anyhow::Ok(())
        };
        timeout(Duration::from_secs(10), asking).await?
    }

    /// How often the end of each job was announced.
    pub(super) fn ends(&self) -> HashMap<String, u32> {
        lock(&self.seen).ends.clone()
    }

    /// How often the subscription was lost: ends in such a gap were seen by nobody.
    pub(super) fn gaps(&self) -> u32 {
        lock(&self.seen).gaps
    }
}

async fn watch_events(pool: RedisPool, prefix: String, seen: Arc<Mutex<Seen>>, subscribed: watch::Sender<bool>) {
    loop {
        if let Ok(mut subscriber) = pool.subscriber().await
            && subscriber.psubscribe(format!("{}*", escaped(&prefix))).await.is_ok()
        {
            subscribed.send_replace(true);
            let mut messages = subscriber.on_message();
            while let Some(message) = messages.next().await {
                if message.get_payload_bytes() == MARK.as_bytes() {
                    lock(&seen).marks += 1;
                    continue;
                }
                let state = message.get_payload::<String>().ok().and_then(|state| state.parse::<JobState>().ok());
                if state.is_some_and(JobState::is_final)
                    && let Some(id) = message.get_channel_name().strip_prefix(&prefix)
                {
                    *lock(&seen).ends.entry(id.to_owned()).or_default() += 1;
                }
            }
            lock(&seen).gaps += 1;
        }
        sleep(RECONNECT_PAUSE).await;
    }
}

/// A prefix as a glob that matches it alone.
fn escaped(prefix: &str) -> String {
    prefix.chars().flat_map(|c| if "{}[]*?\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
