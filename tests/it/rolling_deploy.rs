//! Old and new binaries side by side.

use serde::{Deserialize, Serialize};
use shared::{
    job::{JobState, Kind, QueueName},
    queue::{NewJob, Queue},
};
use tokio::process::Command;

use crate::harness::{Process, QUEUE, System, chapter, jobs_config, path_of};

/// The kind that only the bench's worker knows.
#[derive(Debug, Serialize, Deserialize)]
struct Noop {
    number: u64,
}

impl Kind for Noop {
    const NAME: &'static str = "bench-noop";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
}

/// A kind of the future.
#[derive(Debug, Serialize, Deserialize)]
struct Unheard;

impl Kind for Unheard {
    const NAME: &'static str = "unheard-of";
    const VERSION: u32 = 7;
    const QUEUE: QueueName = QueueName::Ai;
}

#[tokio::test]
async fn workers_that_know_different_kinds_drain_one_queue_and_bury_nothing() {
    let system = System::new().await;
    let api = system.api().await;
    let queue = Queue::new(system.redis.patient_pool(), "it", jobs_config());
    let unheard = queue.enqueue(&NewJob::new(Unheard, "ada")).await.unwrap().id;
    let flashcards = system.submit(&api, &chapter(1, 2)).await;
    let mut noops = Vec::new();
    for number in 0..20 {
        noops.push(queue.enqueue(&NewJob::new(Noop { number }, "ada")).await.unwrap().id);
    }

    let _one = Process::run(Command::new(path_of("lab")).args([
        "bench",
        "noop-worker",
        "--redis-url",
        &system.redis.url(),
        "--queue-prefix",
        "it",
    ]));
    system.until("the known kind is drained", &["ZCARD", &system.keys.done(QUEUE)], |done| done == 20).await;
    assert_eq!(system.job(&api, &flashcards).await["state"], "waiting");
    let _other = system.worker("other").await;
    assert_eq!(system.end_of(&api, &flashcards).await["state"], "completed");

    for id in noops {
        assert_eq!(queue.job(id).await.unwrap().unwrap().state, JobState::Completed);
    }
    let waiting = queue.job(unheard).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.attempts), (JobState::Waiting, 0), "it waits for a worker that knows it");
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.dead(QUEUE)]).await, 0);
}
