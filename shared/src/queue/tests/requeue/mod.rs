//! Dead letters that are put back, or removed.

mod back;
mod pages;
mod refused;
mod shared_work;

use super::fixture::{Fixture, QUEUE};
use crate::{
    dead_letter::{DeadLetters, Letter, Requeue, Requeued},
    job::{JobError, JobId, QueueName},
};

impl Fixture {
    pub(in crate::queue::tests) fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.queue.clone())
    }

    /// Puts a job back; what became of it.
    pub(super) async fn requeue(&self, id: JobId) -> Requeued {
        self.requeue_with(id, Requeue::default()).await
    }

    pub(super) async fn requeue_with(&self, id: JobId, how: Requeue) -> Requeued {
        let letters = [Letter { id, ended_at_ms: None }];
        self.dead_letters().requeue(QueueName::Ai, &letters, how).await.unwrap()[0]
    }

    /// Takes the next job, which fails for good.
    pub(super) async fn take_and_fail(&self, code: &'static str) -> JobId {
        let job = self.take_one().await;
        self.end(&job, &JobError::fail(code, "It did not work")).await;
        job.id
    }

    async fn field(&self, id: JobId, field: &str) -> Option<String> {
        self.raw(&["HGET", &self.keys.job(id), field]).await
    }

    async fn dead(&self) -> u64 {
        self.count(&self.keys.dead(QUEUE)).await
    }
}
