//! Ending a job by request.

use std::time::Duration;

use super::{
    fixture::{Echo, Fixture, QUEUE},
    limits::{FREE, upstream},
    running::{PATIENCE, Running, worker_config},
};
use crate::{
    config::WorkerConfig,
    job::{JobError, JobId, JobState, Kind, Priority, QueueName},
    limiter::{Limits, vouch},
    queue::{
        Cancelled, NewJob,
        leave::leave,
        renew::{Lost, renew},
        settle::Settled,
        take::TakenJob,
    },
};

const LIMITS: Limits = Limits { rpm: 100, concurrency: 4, ..FREE };

impl Fixture {
    async fn cancel(&self, id: JobId) -> Cancelled {
        self.queue.cancel(QueueName::Ai, id).await.unwrap()
    }

    async fn slots(&self) -> u64 {
        self.count(&self.keys.in_flight(&Self::group())).await
    }

    /// The worker lets go of the job.
    async fn let_go(&self, job: &TakenJob) {
        leave(&self.context(job), &job.lane, &upstream(LIMITS)).await.unwrap();
    }

    async fn is_nowhere(&self, id: JobId, what: &str) {
        let view = self.view(id).await;
        assert_eq!((view.state, view.failure.unwrap().code.as_str()), (JobState::Cancelled, "job_cancelled"), "{what}");
        assert!(view.finished_at_ms.is_some() && view.run_at_ms.is_none(), "{what}");
        let keys = &self.keys;
        let line = keys.waiting(QUEUE, &Echo::lane(), Priority::Interactive);
        for index in [line, keys.scheduled(QUEUE), keys.leases(QUEUE), keys.deadlines(QUEUE)] {
            assert_eq!(self.count(&index).await, 0, "{what}: {index}");
        }
        assert_eq!(self.raw::<String>(&["HGET", &keys.job(id), "payload"]).await, "", "{what}");
        assert!(self.raw::<i64>(&["PTTL", &keys.job(id)]).await > 0, "{what}");
        assert_eq!(self.bytes().await.0, 0, "{what}");
        assert!(self.keys_like("*:checkpoints:*").await.is_empty(), "{what}");
        assert!(self.take(1).await.is_empty(), "{what}: it never starts again");
    }
}

#[tokio::test]
async fn a_job_ends_wherever_it_stands() {
    for what in ["waiting", "scheduled", "active", "put off", "lapsed"] {
        let f = Fixture::start().await;
        let delay = if what == "scheduled" { Duration::from_mins(1) } else { Duration::ZERO };
        let id = f.accept(&NewJob { delay, ..NewJob::new(Echo { say: what.to_owned() }, "ada") }).await;
        if matches!(what, "active" | "put off" | "lapsed") {
            let job = if what == "lapsed" { f.take_and_lapse().await } else { f.take_one().await };
            f.context(&job).checkpoint("part", "1", 10).await.unwrap();
            if what == "put off" {
                f.end(&job, &JobError::retry_after(Duration::from_mins(1), "e", "m")).await;
            }
        }
        assert_eq!(f.cancel(id).await, Cancelled::Done, "{what}");
        f.is_nowhere(id, what).await;
        assert_eq!(f.cancel(id).await, Cancelled::Ended(JobState::Cancelled), "{what}: once more is no error");
    }
}

#[tokio::test]
async fn what_has_ended_stays_as_it_is() {
    let f = Fixture::start().await;
    let (completed, failed) = (f.enqueue("completed").await, f.enqueue("failed").await);
    let jobs = f.take(2).await;
    f.complete(&jobs[0]).await;
    f.end(&jobs[1], &JobError::fail("e", "m")).await;
    assert_eq!(f.cancel(completed).await, Cancelled::Ended(JobState::Completed));
    assert_eq!(f.cancel(failed).await, Cancelled::Ended(JobState::Failed));
    assert_eq!(f.view(completed).await.result.unwrap().get(), r#""done""#);
    assert_eq!(f.view(failed).await.failure.unwrap().code, "e");
    assert_eq!(f.cancel(JobId::new()).await, Cancelled::Unknown);
}

#[tokio::test]
async fn whoever_holds_a_cancelled_job_can_do_nothing_more_with_it() {
    let f = Fixture::limited(LIMITS).await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    f.cancel(id).await;
    assert_eq!(f.begin(&job, 10).await.unwrap_err().code(), "lease_lost");
    assert!(f.context(&job).checkpoint("part", "1", 10).await.is_err());
    let lost = renew(&f.pool, &f.keys, (QUEUE, ""), Duration::from_secs(30), &[(id, job.fence)]).await.unwrap();
    assert_eq!(lost, [(id, Lost::Ended)]);
    assert_eq!(f.complete(&job).await, Settled::Stale);
    f.is_nowhere(id, "after all that").await;
}

#[tokio::test]
async fn the_slot_is_free_when_the_worker_lets_go_and_an_unspent_permit_at_once() {
    let f = Fixture::limited(Limits { tpm: 1_000_000, ..LIMITS }).await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    assert_eq!((f.slots().await, f.permits().await, f.tokens().await), (1, 1, 100));
    f.cancel(id).await;
    assert_eq!((f.slots().await, f.permits().await, f.tokens().await), (1, 0, 0), "a call may be under way");
    f.let_go(&job).await;
    assert_eq!(f.slots().await, 0);
}

#[tokio::test]
async fn the_permit_of_a_call_that_was_made_counts() {
    let f = Fixture::limited(LIMITS).await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    f.begin(&job, 10).await.unwrap();
    f.cancel(id).await;
    assert_eq!(f.permits().await, 1);
}

#[tokio::test]
async fn letting_go_wakes_a_worker_that_waits_for_a_slot() {
    let f = Fixture::limited(Limits { concurrency: 1, ..LIMITS }).await;
    let id = f.enqueue("x").await;
    let next = f.enqueue("y").await;
    let job = f.take_one().await;
    assert!(f.take(1).await.is_empty(), "the slot is taken");
    f.cancel(id).await;
    assert!(f.take(1).await.is_empty(), "and stays so until it is let go");
    let wake = f.keys.wake(QUEUE, &Echo::lane());
    f.raw::<u64>(&["DEL", &wake]).await;
    f.let_go(&job).await;
    assert_eq!(f.count(&wake).await, 1);
    assert_eq!(f.take_one().await.id, next);
}

#[tokio::test]
async fn letting_go_late_leaves_the_next_holder_its_slot() {
    let f = Fixture::limited(LIMITS).await;
    f.enqueue("x").await;
    let lapsed = f.take_and_lapse().await;
    let holder = f.take_one().await;
    assert_eq!(holder.id, lapsed.id);
    f.let_go(&lapsed).await;
    assert_eq!(f.slots().await, 1);
    f.complete(&holder).await;
    assert_eq!(f.slots().await, 0);
}

/// Renewals are far apart: none comes while a test lasts.
fn patient_config() -> WorkerConfig {
    WorkerConfig { lease_seconds: 3_600, ..worker_config() }
}

impl Running {
    async fn start_limited(f: &Fixture) -> Self {
        vouch(&f.pool, &f.keys).await.unwrap();
        f.warm().await;
        let worker = Self::with_upstream(f, &patient_config(), Some(upstream(LIMITS)));
        let channel = f.keys.revoked(QUEUE);
        until("it listens", async || f.raw::<(String, u64)>(&["PUBSUB", "NUMSUB", &channel]).await.1 == 1).await;
        worker
    }

    async fn until_nothing_runs(&self, f: &Fixture) {
        until("its attempts are ended", async || self.stats.running() == 0 && f.slots().await == 0).await;
    }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect(what);
}

#[tokio::test]
async fn a_running_attempt_is_aborted_at_once_and_its_slot_is_free() {
    let f = Fixture::start().await;
    let mut worker = Running::start_limited(&f).await;
    let id = f.enqueue("hold").await;
    worker.next_start().await;
    assert_eq!((f.slots().await, f.permits().await, worker.stats.running()), (1, 1, 1));
    assert_eq!(f.cancel(id).await, Cancelled::Done);
    worker.until_nothing_runs(&f).await;
    assert_eq!(f.permits().await, 0, "no call was made with it");
    assert_eq!((worker.stats.processed(), worker.stats.failed()), (0, 0));
    f.is_nowhere(id, "aborted").await;

    let next = f.enqueue("next").await;
    assert_eq!(worker.end_of(next).await.state, JobState::Completed);
    worker.stop().await;
}

#[tokio::test]
async fn a_call_that_is_under_way_is_dropped_and_counts() {
    let f = Fixture::start().await;
    let mut worker = Running::start_limited(&f).await;
    let id = f.enqueue("call and hold").await;
    tokio::time::timeout(PATIENCE, worker.called.recv()).await.expect("it calls").unwrap();
    f.cancel(id).await;
    worker.until_nothing_runs(&f).await;
    assert_eq!(f.permits().await, 1);
    worker.stop().await;
}

#[tokio::test]
async fn only_the_attempt_at_the_cancelled_job_is_aborted() {
    let f = Fixture::start().await;
    let mut worker = Running::start_limited(&f).await;
    let (unwanted, wanted) = (f.enqueue("hold").await, f.enqueue("hold").await);
    worker.next_start().await;
    worker.next_start().await;
    f.cancel(unwanted).await;
    until("one is aborted", async || worker.stats.running() == 1).await;
    worker.gate.add_permits(1);
    let view = worker.end_of(wanted).await;
    assert_eq!((view.state, view.attempts), (JobState::Completed, 1));
    worker.stop().await;
}

#[tokio::test]
async fn the_deadline_of_a_running_job_is_heard_as_well() {
    let f = Fixture::start().await;
    let mut worker = Running::start_limited(&f).await;
    let id = f.enqueue("hold").await;
    worker.next_start().await;
    f.pass_deadline(id).await;
    assert!(f.take(1).await.is_empty());
    worker.until_nothing_runs(&f).await;
    assert_eq!(f.code_of(id).await, "deadline_exceeded");
    worker.stop().await;
}

#[tokio::test]
async fn a_result_that_came_from_elsewhere_ends_the_attempt_that_is_under_way() {
    let f = Fixture::start().await;
    let id = f.enqueue("hold").await;
    let lapsed = f.take_and_lapse().await;
    let mut worker = Running::start_limited(&f).await;
    // A worker that has finished nothing gets no job whose worker was lost.
    let other = f.enqueue("x").await;
    assert_eq!(worker.next_start().await, other);
    assert_eq!(worker.next_start().await, id);
    assert_eq!(f.complete_with(&lapsed, "late").await, Settled::Late);
    worker.until_nothing_runs(&f).await;
    assert_eq!(f.result_of(id).await, "late");
    assert_eq!(worker.stats.processed(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn the_follower_of_a_leader_that_is_cancelled_while_it_runs_runs_instead() {
    let f = Fixture::start().await;
    let mut worker = Running::start_limited(&f).await;
    let leader = f.lead("ada", "hold").await;
    assert_eq!(worker.next_start().await, leader);
    let follower = f.follow("bob", "hold").await;
    f.cancel(leader).await;
    assert_eq!(worker.next_start().await, follower);
    worker.gate.add_permits(1);
    assert_eq!(worker.end_of(follower).await.state, JobState::Completed);
    assert_eq!(f.result_of(follower).await, "held");
    assert_eq!(f.view(leader).await.state, JobState::Cancelled);
    worker.until_nothing_runs(&f).await;
    assert_eq!(worker.stats.succeeded(), 1);
    worker.stop().await;
}
