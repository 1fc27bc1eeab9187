//! Somebody who submits jobs all the while, and keeps count.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Process, chapter, lesson};

/// Time between two jobs of a load.
const PACE: Duration = Duration::from_millis(40);
/// A request is answered within two seconds, whatever Redis does (`api/src/tests/redis_away.rs`); the rest is for a machine whose
/// cores are all taken.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What was submitted.
#[derive(Debug, Default)]
pub(crate) struct Submitted {
    /// Ids of the jobs that were accepted (202).
    pub(crate) accepted: Vec<String>,
    /// How many were not (503).
    pub(crate) refused: usize,
}

/// A load that goes on until it is stopped.
pub(crate) struct Load {
    stop: CancellationToken,
    submitted: Arc<Mutex<Submitted>>,
    submitting: JoinHandle<()>,
}

impl Load {
    /// Submits to `api`. Every answer has to be a 202, or a 503 that says when to come again, and in time.
    pub(crate) fn start(http: &reqwest::Client, api: &Process) -> Self {
        let (http, url, stop) = (http.clone(), api.url("/api/v1/flashcards"), CancellationToken::new());
        let stopped = stop.clone();
        let submitted = Arc::<Mutex<Submitted>>::default();
        let so_far = Arc::clone(&submitted);
        let submitting = TaskTracker::new().spawn(async move {
            let mut pace = tokio::time::interval(PACE);
            for number in 0.. {
                if stopped.run_until_cancelled(pace.tick()).await.is_none() {
                    break;
                }
                let asked = Instant::now();
                let answer = http.post(&url).json(&lesson(&chapter(number, 2))).send().await.unwrap();
                assert!(asked.elapsed() < ANSWERED_WITHIN, "{} after {:?}", answer.status(), asked.elapsed());
                if answer.status() == 503 {
                    assert!(answer.headers().contains_key("retry-after"), "{:?}", answer.headers());
                    so_far.lock().unwrap().refused += 1;
                    continue;
                }
                assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
                let job: Value = answer.json().await.unwrap();
                so_far.lock().unwrap().accepted.push(job["id"].as_str().unwrap().to_owned());
            }
        });
        Self { stop, submitted, submitting }
    }

    /// Ids of the jobs that were accepted so far.
    pub(crate) fn accepted(&self) -> Vec<String> {
        self.submitted.lock().unwrap().accepted.clone()
    }

    /// Ends it; what was submitted.
    pub(crate) async fn stop(self) -> Submitted {
        self.stop.cancel();
        self.submitting.await.unwrap();
        std::mem::take(&mut self.submitted.lock().unwrap())
    }
}
