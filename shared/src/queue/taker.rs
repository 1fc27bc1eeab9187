//! Takes by hand, for benches.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::take::{Standing, TakeSettings, Taken, take};
use crate::{
    job::{Lane, QueueName},
    limiter::{Upstream, announce},
    redis::{Keys, RedisPool, UnavailableError},
};

/// A worker that takes when it is told to, and does nothing with its jobs.
#[derive(Debug, Clone)]
pub struct Taker {
    redis: RedisPool,
    keys: Keys,
    settings: TakeSettings,
}

impl Taker {
    /// A worker of that name, whose limits are announced for an hour.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn start(
        redis: RedisPool,
        prefix: &str,
        (queue, lane): (QueueName, Lane),
        worker: &str,
        upstream: Upstream,
    ) -> Result<Self, UnavailableError> {
        let (keys, hour) = (Keys::new(prefix), Duration::from_hours(1));
        announce(&redis, &keys, worker, upstream.announced(None), hour, None).await?;
        let settings = TakeSettings {
            queue: queue.as_str().to_owned(),
            worker: worker.to_owned(),
            lease: hour,
            dead_ttl: hour,
            completed_ttl: hour,
            lanes: vec![lane.as_str().to_owned()],
            max_crashes: 3,
            standing: Standing { holding: 0, finished: true, lived: hour },
            upstream: Some(Arc::new(upstream)),
        };
        Ok(Self { redis, keys, settings })
    }

    /// Takes up to `want` jobs; how many came.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn take(&self, want: usize) -> Result<usize, UnavailableError> {
        let request = Uuid::now_v7().simple().to_string();
        Ok(match take(&self.redis, &self.keys, &self.settings, &request, want).await?.taken {
            Taken::Jobs(jobs, _) => jobs.len(),
            Taken::Wait(_) => 0,
        })
    }
}
