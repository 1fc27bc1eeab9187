//! Redis has no memory left: nothing new is accepted, and what is there ends.

use std::time::Duration;

use super::{
    fixture::{Echo, Fixture, QUEUE},
    limits::{FREE, ended, upstream},
    running::{Running, worker_config},
    sharing::poem,
};
use crate::{
    job::{JobError, JobState, Kind, QueueName},
    limiter::{Limits, vouch},
    queue::{Cancelled, Ending, EnqueueError, Meeting, NewJob, renew::renew, settle::Settled},
};

const LIMITS: Limits = Limits { rpm: 100, tpm: 1_000_000, concurrency: 20, ..FREE };

impl Fixture {
    async fn fill_memory(&self) {
        self.raw::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
        let mut more = redis::Cmd::new();
        more.arg(&["SET", "more", "x"]);
        let refused = more.query_async::<String>(&mut self.pool.connection()).await.unwrap_err();
        assert_eq!(refused.code(), Some("OOM"));
    }

    async fn free_memory(&self) {
        self.raw::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    }

    /// All that is stored, but for times to live.
    async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for key in self.raw::<Vec<String>>(&["KEYS", "*"]).await {
            let dump: Vec<u8> = self.raw(&["DUMP", &key]).await;
            all.push((key, dump));
        }
        all.sort_unstable();
        all
    }

    async fn is_refused<K: Kind>(&self, job: &NewJob<K>, what: &str) {
        let refused = self.queue.enqueue(job).await;
        assert!(matches!(refused, Err(EnqueueError::OutOfMemory(_))), "{what}: {refused:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_refused_job_is_stored() {
    for unfinished in [0, 1] {
        let f = Fixture::start().await;
        f.lead("ada", "done").await;
        let job = f.take_one().await;
        f.complete(&job).await;
        if unfinished > 0 {
            f.lead("ada", "running").await;
            f.take_one().await;
        }
        f.fill_memory().await;
        let before = f.everything().await;
        let plain = NewJob::new(Echo { say: "x".to_owned() }, "bob");
        f.is_refused(&plain, "a job").await;
        f.is_refused(&NewJob { delay: Duration::from_mins(1), ..plain.clone() }, "a delayed job").await;
        f.is_refused(&NewJob { idempotency_key: Some("k".to_owned()), ..plain }, "a named job").await;
        f.is_refused(&poem("bob", "new"), "new work").await;
        f.is_refused(&poem("bob", "running"), "work under way").await;
        f.is_refused(&poem("bob", "done"), "work that was done").await;
        f.is_refused(&NewJob { fresh: true, ..poem("ada", "done") }, "work to be done anew").await;
        assert_eq!(f.ask_poem("ada", "done").await.meeting, Meeting::Known, "what is there is answered");
        assert_eq!(f.everything().await, before);
        f.free_memory().await;
        assert_eq!(f.ask_poem("bob", "done").await.meeting, Meeting::Cached);
        f.lead("bob", "new").await;
    }
}

#[tokio::test]
async fn what_is_in_hand_and_in_line_ends() {
    let f = Fixture::limited(LIMITS).await;
    let mut ids = Vec::new();
    for say in ["completes", "fails", "is put off", "is given up", "lapses"] {
        ids.push(f.enqueue(say).await);
    }
    let leader = f.lead("ada", "spring").await;
    let followers = [f.follow("bob", "spring").await, f.follow("eve", "spring").await];
    f.fill_memory().await;
    f.announce("by-hand", LIMITS).await;
    let jobs = f.take(6).await;
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [&ids[..], &[leader]].concat());

    let call = f.begin(&jobs[0], 50).await.unwrap();
    call.end(ended(Ending::Ok)).await;
    f.context(&jobs[0]).checkpoint("part", "1", 50).await.unwrap();
    let held: Vec<_> = jobs.iter().map(|job| (job.id, job.fence)).collect();
    assert_eq!(renew(&f.pool, &f.keys, (QUEUE, ""), Duration::from_mins(1), &held).await.unwrap(), []);
    assert_eq!(f.complete(&jobs[0]).await, Settled::Done);
    assert_eq!(f.end(&jobs[1], &JobError::fail("refused", "No")).await, Settled::Done);
    assert_eq!(f.end(&jobs[2], &JobError::retry_after(Duration::from_mins(1), "e", "m")).await, Settled::Done);
    assert_eq!(f.queue.cancel(QueueName::Ai, ids[3]).await.unwrap(), Cancelled::Done);
    // The test's own commands need memory.
    f.free_memory().await;
    f.raw::<u64>(&["ZADD", &f.keys.scheduled(QUEUE), "XX", "1", &ids[2].to_string()]).await;
    f.raw::<u64>(&["ZADD", &f.keys.leases(QUEUE), "1", &ids[4].to_string()]).await;
    f.fill_memory().await;
    // One is promoted and one reclaimed.
    for job in f.take(5).await {
        assert!(job.id == ids[2] && job.attempt == 2 || job.id == ids[4] && job.attempt == 1, "{job:?}");
        assert_eq!(f.complete(&job).await, Settled::Done);
    }
    assert_eq!(f.complete_with(&jobs[5], "leaves").await, Settled::Done);
    for id in followers.iter().chain([&leader]) {
        assert_eq!(f.result_of(*id).await, "leaves");
    }
    let mut states = Vec::new();
    for id in &ids {
        states.push(f.view(*id).await.state);
    }
    assert_eq!(
        states,
        [JobState::Completed, JobState::Failed, JobState::Completed, JobState::Cancelled, JobState::Completed]
    );
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 0);
    assert_eq!(f.raw::<u64>(&["EXISTS", "{test}:probe"]).await, 0);
    f.free_memory().await;
    f.enqueue("anew").await;
    assert_eq!(f.take(1).await.len(), 1);
}

#[tokio::test]
async fn a_leader_that_is_cancelled_is_followed_by_the_next() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    f.fill_memory().await;
    assert_eq!(f.queue.cancel(QueueName::Ai, leader).await.unwrap(), Cancelled::Done);
    let job = f.take_one().await;
    assert_eq!(job.id, follower);
    assert_eq!(f.complete_with(&job, "leaves").await, Settled::Done);
    assert_eq!(f.result_of(follower).await, "leaves");
}

#[tokio::test]
async fn deadlines_pass_as_ever() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.pass_deadline(id).await;
    f.fill_memory().await;
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.code_of(id).await, "deadline_exceeded");
}

#[tokio::test]
async fn a_worker_that_is_started_then_works_through_what_is_there() {
    let f = Fixture::start().await;
    vouch(&f.pool, &f.keys).await.unwrap();
    f.warm().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(f.enqueue("record").await);
    }
    f.fill_memory().await;
    let worker = Running::with_upstream(&f, &worker_config(), Some(upstream(LIMITS)));
    for id in ids {
        assert_eq!(worker.end_of(id).await.state, JobState::Completed);
    }
    f.is_refused(&poem("ada", "x"), "while it is full").await;
    f.free_memory().await;
    let next = f.enqueue("next").await;
    assert_eq!(worker.end_of(next).await.state, JobState::Completed);
    worker.stop().await;
}
