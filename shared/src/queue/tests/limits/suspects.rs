//! Jobs whose worker was lost, and who may have them.

use std::{collections::BTreeSet, time::Duration};

use super::{FREE, Fixture, WINDOW, ended};
use crate::{
    breaker::{BreakerState, breaker_status},
    job::{JobId, Kind},
    limiter::Limits,
    queue::{
        Ending,
        take::{Standing, TakeSettings, Taken, TakenJob, Wait},
        tests::fixture::{Echo, QUEUE},
    },
};

/// A process that has just started.
const NEW: Standing = Standing { holding: 0, finished: false, lived: Duration::ZERO };
/// One that has finished a job.
const PROVEN: Standing = Standing { holding: 0, finished: true, lived: Duration::ZERO };

impl Fixture {
    async fn take_in(&self, worker: &str, standing: Standing, want: usize) -> Taken {
        let settings = TakeSettings { worker: worker.to_owned(), standing, ..self.settings.clone() };
        self.take_as(&JobId::new().to_string(), want, &settings).await
    }

    async fn jobs_in(&self, worker: &str, standing: Standing, want: usize) -> Vec<TakenJob> {
        match self.take_in(worker, standing, want).await {
            Taken::Jobs(jobs, _) => jobs,
            Taken::Wait(_) => Vec::new(),
        }
    }

    /// The worker that holds these jobs dies.
    async fn lose(&self, jobs: &[TakenJob]) {
        for job in jobs {
            self.raw::<u64>(&["ZADD", &self.keys.leases(QUEUE), "1", &job.id.to_string()]).await;
        }
    }
}

fn ids(jobs: &[TakenJob]) -> BTreeSet<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn a_process_that_has_not_finished_a_job_gets_one_at_a_time_after_a_loss_and_no_suspect() {
    let f = Fixture::start().await;
    f.enqueue_many(30).await;
    let lost = f.jobs_in("a", NEW, 10).await;
    assert_eq!(lost.len(), 10, "a fleet without a loss starts at full width");
    f.lose(&lost).await;
    let first = f.jobs_in("b", NEW, 10).await;
    assert_eq!(first.len(), 1);
    assert!(ids(&lost).is_disjoint(&ids(&first)));
    let taken = f.take_in("b", Standing { holding: 1, ..NEW }, 10).await;
    assert!(matches!(taken, Taken::Wait(Wait::Unproven(_))), "{taken:?}");
    // One that has finished a job is not bound, nor is one after five leases.
    assert_eq!(f.jobs_in("c", PROVEN, 10).await.len(), 10);
    let lease = i64::try_from(f.settings.lease.as_millis()).unwrap();
    let back = (-5 * lease - 1).to_string();
    f.raw::<i64>(&["HINCRBY", &f.keys.order(QUEUE), "lost", &back]).await;
    assert_eq!(f.jobs_in("d", NEW, 10).await.len(), 10);
}

#[tokio::test]
async fn suspects_go_four_at_a_time_first_and_alone_once_they_were_lost_again() {
    let f = Fixture::start().await;
    f.enqueue_many(8).await;
    let lost = f.jobs_in("a", PROVEN, 6).await;
    f.lose(&lost).await;
    let taken = f.jobs_in("b", PROVEN, 6).await;
    assert_eq!(ids(&taken).intersection(&ids(&lost)).count(), 4, "four suspects, and the two others");
    assert!(taken.iter().all(|job| job.attempt == 1), "a crash uses no attempt");
    assert!(f.jobs_in("b", PROVEN, 6).await.is_empty(), "its four run");
    f.complete(&taken[0]).await;
    assert_eq!(f.jobs_in("b", PROVEN, 6).await.len(), 1, "one ended, one comes");
    // All that run are lost; of those that were lost again, one runs at a time.
    f.lose(&taken[1..4]).await;
    let lifetime = Standing { lived: f.settings.lease, ..NEW };
    let rest = f.jobs_in("c", lifetime, 1).await;
    assert_eq!(rest.len(), 1, "who has lived for a lease may have one");
    f.complete(&rest[0]).await;
    for _ in 0..3 {
        let alone = f.jobs_in("c", PROVEN, 6).await;
        assert_eq!(alone.len(), 1);
        assert!(f.jobs_in("c", PROVEN, 6).await.is_empty(), "nothing beside it");
        f.complete(&alone[0]).await;
    }
}

#[tokio::test]
async fn a_worker_that_has_not_proven_itself_and_waits_for_a_slot_is_not_woken_by_itself() {
    let f = Fixture::limited(Limits { concurrency: 1, ..FREE }).await;
    f.enqueue_many(3).await;
    let lost = f.jobs_in("a", PROVEN, 1).await;
    f.lose(&lost).await;
    // The take that sees the loss, and a slot that somebody else has.
    f.jobs_in("b", NEW, 1).await;
    let wake = f.keys.wake(QUEUE, &Echo::lane());
    f.raw::<u64>(&["DEL", &wake]).await;
    assert!(f.jobs_in("c", NEW, 1).await.is_empty());
    assert_eq!(f.raw::<u64>(&["ZCARD", &wake]).await, 0, "it would take again at once, and so on");
}

#[tokio::test]
async fn the_probe_of_a_lost_worker_is_free_as_soon_as_its_lease_has_lapsed() {
    let f = Fixture::limited(FREE).await;
    f.enqueue_many(12).await;
    for job in f.ask("a", 5).await.0 {
        f.begin(&job, 100).await.unwrap().end(ended(Ending::Failed)).await;
    }
    assert_eq!(breaker_status(&f.pool, &f.keys, "openai").await.unwrap().state, BreakerState::Open);
    f.let_pass(WINDOW).await;
    let probe = f.ask("b", 1).await.0;
    f.begin(&probe[0], 100).await.unwrap();
    assert!(f.ask("c", 1).await.0.is_empty(), "one probe in the fleet");
    f.lose(&probe).await;
    let next = f.ask("c", 1).await.0;
    assert!(next.len() == 1 && next[0].id != probe[0].id, "{next:?}");
}
