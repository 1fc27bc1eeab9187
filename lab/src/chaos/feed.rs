//! Jobs put in line at a steady pace, without an api.

use std::ops::Range;

use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    budget::{Allowance, Limits},
    config::JobsConfig,
    queue::{NewJob, Queue},
    redis::RedisPool,
};
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::{
    accepted::Accepted,
    system::{ATTEMPTS, PREFIX},
};
use crate::numbered;

/// Enqueues in flight at once.
const IN_FLIGHT: usize = 64;
/// Users that jobs are spread over.
pub(super) const USERS: u64 = 7;
/// Jobs come in so many portions a second.
const PORTIONS_PER_SECOND: u64 = 20;

/// A queue with the promises of the system's api.
pub(super) fn queue(pool: RedisPool) -> anyhow::Result<Queue> {
    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        jobs: JobsConfig,
    }
    let attempts = ATTEMPTS.to_string();
    let settings = ["chaos", "--queue-max-waiting", "1000000", "--job-max-attempts", &attempts];
    let limits = Limits { user_tokens_per_day: 1_000_000_000_000, ..Limits::default() };
    let jobs = Settings::try_parse_from(settings)?.jobs;
    Ok(Queue::new(pool, PREFIX, jobs).with_budget(Allowance { limits, ..Allowance::default() }))
}

/// Puts the jobs of these numbers in line, each with a text of its own, evenly over `span`.
pub(super) async fn feed(
    queue: &Queue,
    numbers: Range<u64>,
    span: Duration,
    accepted: &Accepted,
) -> anyhow::Result<()> {
    let portions = (span.as_secs() * PORTIONS_PER_SECOND).max(1);
    let mut ticks = interval(Duration::from_millis(1_000 / PORTIONS_PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut next = numbers.start;
    for portion in 1..=portions {
        ticks.tick().await;
        let until = numbers.start + (numbers.end - numbers.start) * portion / portions;
        enqueue(queue, next..until, accepted).await?;
        next = until;
    }
    Ok(())
}

/// Puts the jobs of these numbers in line at once.
pub(super) async fn enqueue(queue: &Queue, numbers: Range<u64>, accepted: &Accepted) -> anyhow::Result<()> {
    let jobs = numbers.map(|number| NewJob::new(numbered::lesson(number), format!("user-{}", number % USERS)));
    stream::iter(jobs)
        .map(|job| async move { queue.enqueue(&job).await })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|job| {
            accepted.accepted(job.id.to_string());
            std::future::ready(Ok(()))
        })
        .await?;
    Ok(())
}
