//! A job that ends its worker each time, and workers that are lost: nobody else's job is lost with them.

use std::time::Duration;

use futures_util::future::{join, join3};
use shared::{
    job::{JobId, JobState, JobView, Priority},
    testing::simulator::Fault,
};
use tokio::time::{Instant, sleep};

use crate::harness::{Process, System, assert_completed, chapter, p95_ms};

const USERS: [&str; 6] = ["ada", "ben", "cleo", "dan", "eve", "finn"];
/// As the harness sets it.
const LEASE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(1);
/// In the poison, and in no other text.
const MARK: &str = "Xylophonist";

/// Worker processes with names of their own, in places where another one starts when one is killed.
struct Fleet<'a> {
    system: &'a System,
    members: Vec<(String, Process)>,
    started: usize,
}

impl<'a> Fleet<'a> {
    async fn start(system: &'a System, count: usize) -> Self {
        let mut fleet = Self { system, members: Vec::new(), started: 0 };
        for _ in 0..count {
            let member = fleet.launch();
            member.1.until_it_answers(&system.http).await;
            fleet.members.push(member);
        }
        fleet
    }

    fn launch(&mut self) -> (String, Process) {
        self.started += 1;
        let name = format!("w{}", self.started);
        let process = self.system.launch("flashcard-worker", &[("RAILWAY_REPLICA_ID", &name)]);
        (name, process)
    }

    /// Kills the worker that holds the job, and starts another one in its place.
    async fn kill_holder_of(&mut self, id: JobId) {
        let holder: String = self.system.raw(&["HGET", &self.system.keys.job(id), "worker"]).await;
        let place = self.members.iter().position(|(name, _)| holder.starts_with(&format!("{name}-")));
        let place = place.unwrap_or_else(|| panic!("{holder} is none of the fleet"));
        let new = self.launch();
        let (_, killed) = std::mem::replace(&mut self.members[place], new);
        killed.kill().await;
    }
}

/// Runs a poison job among innocent ones; how often it ended its worker.
async fn poisoned(workers: usize, slots: u32) -> usize {
    let mut system = System::new().await;
    system.set("WORKER_CONCURRENCY", slots);
    system.simulator.set_latency(Duration::from_millis(300));
    system.simulator.fail_text(Fault::Stall, MARK);
    let mut innocent = system.put_crowd(&USERS, 0..5).await;
    let poison = system.put("mallory", Priority::Interactive, format!("{MARK}. {}", chapter(9_999, 2))).await;
    innocent.extend(system.put_crowd(&USERS, 5..60).await);
    let mut fleet = Fleet::start(&system, workers).await;
    let queue = system.queue();
    let mut crashes = 0;
    let until = Instant::now() + PATIENCE;
    let ended = loop {
        assert!(Instant::now() < until, "{crashes} crashes, and the poison has not ended");
        if system.simulator.calls_of(poison).len() > crashes {
            crashes += 1;
            fleet.kill_holder_of(poison).await;
        }
        let job = queue.job(poison).await.unwrap().unwrap();
        if job.finished_at_ms.is_some() {
            break job;
        }
        sleep(LOOK_EVERY).await;
    };
    assert_eq!((ended.state, ended.failure.unwrap().code.as_str()), (JobState::Failed, "worker_lost"));
    assert_completed(&system.ended_within(&innocent, PATIENCE).await);
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.dead("ai-jobs")]).await, 1, "the poison alone is dead");
    crashes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_job_takes_nobody_with_it() {
    let (alone, two, four) = join3(poisoned(1, 20), poisoned(2, 20), poisoned(4, 10)).await;
    assert!([alone, two, four].iter().all(|crashes| (3..=5).contains(crashes)), "{alone}, {two}, {four} crashes");
}

/// A job of this test; the sizes are those of 5 s jobs, scaled.
const LATENCY: Duration = Duration::from_secs(2);
/// As 30 s are to jobs of 5 s.
const AFTER_LEASE: Duration = Duration::from_secs(12);

/// 20 jobs in the hands of one of two workers, which dies if `killed`, while others come in. The 20, how long they took from
/// the kill on, and the others.
async fn lost_once(killed: bool) -> (Vec<JobView>, Duration, Vec<JobView>) {
    let mut system = System::new().await;
    system.set("WORKER_CONCURRENCY", 20);
    system.simulator.set_latency(LATENCY);
    let mut fleet = Fleet::start(&system, 1).await;
    let in_hand = system.put_crowd(&USERS, 0..20).await;
    tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(20)).await.expect("20 calls");
    let second = fleet.launch();
    second.1.until_it_answers(&system.http).await;
    fleet.members.push(second);
    let at = Instant::now();
    if killed {
        fleet.kill_holder_of(in_hand[0]).await;
    }
    let mut others = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(300));
    for number in 20..50 {
        pace.tick().await;
        others.extend(system.put_crowd(&USERS, number..number + 1).await);
    }
    let done = system.ended_within(&in_hand, PATIENCE).await;
    let took = at.elapsed();
    (done, took, system.ended_within(&others, PATIENCE).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_worker_that_is_lost_once_are_done_soon() {
    let ((_, _, calm), (lost, took, others)) = join(lost_once(false), lost_once(true)).await;
    assert_completed(&lost);
    assert_completed(&others);
    assert!(took <= LEASE + AFTER_LEASE, "{took:?} until all 20 are done");
    let (with, without) = (p95_ms(&others), p95_ms(&calm));
    assert!(with * 5 <= without * 6, "p95 of others {with} ms, {without} ms without the loss");
}
