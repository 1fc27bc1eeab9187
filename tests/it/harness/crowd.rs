//! Jobs of many users, put in line without an api, and how they ended.

use std::time::Duration;

use shared::{
    config::JobsConfig,
    job::{JobId, JobState, JobView, Priority, kinds::GenerateFlashcards},
    limiter::{Group, limiter_status},
    queue::{NewJob, Queue},
};

use super::{System, chapter, jobs_config};

/// Time between two looks at jobs that have not ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl System {
    /// What puts jobs in line.
    pub(crate) fn queue(&self) -> Queue {
        let config = JobsConfig { queue_max_waiting: 10_000, ..jobs_config() };
        Queue::new(self.redis.patient_pool(), "it", config)
    }

    /// Puts one job in line.
    pub(crate) async fn put(&self, user: &str, priority: Priority, content: String) -> JobId {
        let payload = GenerateFlashcards {
            content,
            subject: "Biology".to_owned(),
            topic: "Cells".to_owned(),
            native_language: "German".to_owned(),
            target_language: "English".to_owned(),
        };
        let job = NewJob { priority, ..NewJob::new(payload, user) };
        self.queue().enqueue(&job).await.unwrap().id
    }

    /// Puts `count` jobs of as many texts in line, of each of `users` in turn.
    pub(crate) async fn put_crowd(&self, users: &[&str], numbers: std::ops::Range<usize>) -> Vec<JobId> {
        let mut ids = Vec::with_capacity(numbers.len());
        for number in numbers {
            let user = users[number % users.len()];
            ids.push(self.put(user, Priority::Interactive, chapter(number, 2)).await);
        }
        ids
    }

    /// The jobs, once all of them have ended.
    pub(crate) async fn ended_within(&self, ids: &[JobId], patience: Duration) -> Vec<JobView> {
        let queue = self.queue();
        let mut ended = Vec::with_capacity(ids.len());
        let watching = async {
            for id in ids {
                ended.push(loop {
                    let job = queue.job(*id).await.unwrap().unwrap();
                    if job.finished_at_ms.is_some() {
                        break job;
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                });
            }
        };
        let in_time = tokio::time::timeout(patience, watching).await.is_ok();
        assert!(in_time, "{} of {} jobs have ended within {patience:?}", ended.len(), ids.len());
        ended
    }

    /// The limit that was learned from refusals, if any.
    pub(crate) async fn learned_rpm(&self) -> Option<u64> {
        let group = Group::new("openai", "gpt-6-luna");
        limiter_status(&self.redis.patient_pool(), &self.keys, &group).await.unwrap().learned_rpm
    }
}

/// Asserts that all of them are completed.
pub(crate) fn assert_completed(jobs: &[JobView]) {
    for job in jobs {
        assert_eq!(job.state, JobState::Completed, "{job:?}");
    }
}

/// How long one of 20 of these jobs took at least, from when it was accepted.
pub(crate) fn p95_ms(jobs: &[JobView]) -> u64 {
    let mut took: Vec<u64> = jobs.iter().map(|job| job.finished_at_ms.unwrap() - job.created_at_ms).collect();
    took.sort_unstable();
    took[(took.len() * 95).div_ceil(100) - 1]
}
