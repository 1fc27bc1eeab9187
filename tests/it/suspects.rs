//! Jobs of workers that were lost, or seemed to be: they run again, and can be cancelled and put back.

use std::time::Duration;

use shared::job::{JobId, JobState, Kind, kinds::GenerateFlashcards};
use tokio::{process::Command, time::sleep};

use crate::harness::{PATIENCE, QUEUE, System, assert_completed, path_of};

const LOOK_EVERY: Duration = Duration::from_millis(10);

impl System {
    /// Waits until the job is a suspect in line.
    async fn until_suspect(&self, id: JobId) {
        let key = self.keys.job(id);
        let asking = async {
            loop {
                let words = ["HMGET", &key, "state", "lost"];
                let (state, lost): (String, Option<String>) = self.raw(&words).await;
                if state == "waiting" && lost.is_some() {
                    break;
                }
                sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it is a suspect");
    }
}

#[tokio::test]
async fn a_worker_that_stood_still_for_longer_than_its_lease_harms_nobody() {
    let system = System::new().await;
    let first = system.worker("first").await;
    system.simulator.hold();
    let held = system.put_crowd(&["ada", "ben"], 0..6).await;
    tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(6)).await.unwrap();
    first.suspend();
    let _second = system.worker("second").await;
    system.simulator.release();
    assert_completed(&system.ended_within(&held, PATIENCE).await);
    first.resume();
    // Both work on.
    let more = system.put_crowd(&["ada", "ben"], 6..30).await;
    assert_completed(&system.ended_within(&more, PATIENCE).await);
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.dead(QUEUE)]).await, 0);
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.leases(QUEUE)]).await, 0);
    let calls: Vec<usize> = held.iter().map(|id| system.simulator.calls_of(id).len()).collect();
    assert!(calls.iter().all(|calls| *calls <= 2), "{calls:?} calls");
}

#[tokio::test]
async fn a_suspect_can_be_cancelled_and_the_next_one_goes_on() {
    let system = System::new().await;
    system.simulator.hold();
    let lost = system.worker("lost").await;
    let jobs = system.put_crowd(&["ada"], 0..2).await;
    tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(2)).await.unwrap();
    lost.kill().await;
    system.simulator.release();
    // It has not lived for a lease, and so has none of them yet.
    let next = system.worker("next").await;
    for id in &jobs {
        system.until_suspect(*id).await;
    }
    system.queue().cancel(GenerateFlashcards::QUEUE, jobs[0]).await.unwrap();
    let ended = system.ended_within(&jobs, PATIENCE).await;
    let states: Vec<JobState> = ended.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Cancelled, JobState::Completed]);
    drop(next);
}

#[tokio::test]
async fn a_dead_suspect_that_is_put_back_is_a_job_like_any_other() {
    let mut system = System::new().await;
    system.set("JOB_MAX_CRASHES", 1);
    system.simulator.hold();
    let jobs = system.put_crowd(&["ada"], 0..1).await;
    for calls in 1..=2 {
        let worker = system.worker("lost").await;
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls)).await.unwrap();
        worker.kill().await;
    }
    let _worker = system.worker("next").await;
    let dead = system.ended_within(&jobs, PATIENCE).await.remove(0);
    assert_eq!((dead.state, dead.failure.unwrap().code.as_str()), (JobState::Failed, "worker_lost"));
    system.simulator.release();
    let mut requeue = Command::new(path_of("unilingo"));
    requeue.args(["requeue", &jobs[0].to_string()]).env("REDIS_URL", system.redis.url()).env("QUEUE_PREFIX", "it");
    let output = requeue.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_completed(&system.ended_within(&jobs, PATIENCE).await);
    let left: Vec<Option<String>> =
        system.raw(&["HMGET", &system.keys.job(jobs[0]), "lost", "losses", "crashes"]).await;
    assert_eq!(left, [None, None, None]);
}
