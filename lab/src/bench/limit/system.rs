//! What is measured: a queue with a limiter of its own.

use std::{ops::Range, time::Duration};

use shared::testing::{TestRedis, simulator::RunningSimulator};
use tokio::{process::Command, time::Instant};

use super::setting::Limit;

/// Jobs that a worker process runs at once.
pub(super) const CONCURRENCY: u32 = 32;

/// A queue whose workers keep to a limit.
pub(super) trait System {
    /// What it is called in the table.
    const NAME: &'static str;

    /// What it adds to the upstream's window.
    fn guard(&self) -> Duration;

    /// Tells it that no call was made before `redis` was started.
    async fn begin(&self, redis: &TestRedis) -> anyhow::Result<()>;

    /// A worker process, not started yet.
    fn worker(&self, redis: &TestRedis, upstream: &RunningSimulator, limit: Limit) -> Command;

    /// Puts jobs of these numbers in line when it is `at`, each for one call.
    async fn enqueue(&self, redis: &TestRedis, numbers: Range<u64>, at: Instant) -> anyhow::Result<()>;
}
