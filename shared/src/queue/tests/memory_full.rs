//! A Redis without memory takes no new jobs, and what is there goes on and makes room.

use std::time::Duration;

use super::fixture::{Fixture, QUEUE};
use crate::{
    job::{JobError, JobState, QueueName},
    limiter::Limits,
    queue::{Cancelled, Ending, EnqueueError, NewJob, renew::renew, tests::limits},
};

#[tokio::test]
async fn a_full_redis_refuses_new_jobs_and_ends_those_that_are_there() {
    let f = Fixture::limited(Limits { rpm: 100, concurrency: 10, ..limits::FREE }).await;
    let [first, failing, waiting] = [f.enqueue("1").await, f.enqueue("2").await, f.enqueue("3").await];
    let held = f.take_one().await;
    let before: Vec<String> = f.raw(&["KEYS", "*"]).await;

    f.raw::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let job = NewJob::new(super::fixture::Echo { say: "4".to_owned() }, "eve");
    assert!(matches!(f.queue.enqueue(&job).await, Err(EnqueueError::OutOfMemory(_))));
    let after: Vec<String> = f.raw(&["KEYS", "*"]).await;
    assert_eq!(after.len(), before.len(), "nothing of it is stored: {after:?}");

    f.announce("another", Limits { rpm: 100, concurrency: 10, ..limits::FREE }).await;
    let call = f.begin(&held, 10).await.unwrap();
    call.end(limits::ended(Ending::Ok)).await;
    f.context(&held).checkpoint("part", "kept", 50).await.unwrap();
    let lost = renew(&f.pool, &f.keys, QUEUE, Duration::from_secs(30), &[(held.id, held.fence)]).await.unwrap();
    assert!(lost.is_empty());
    f.complete(&held).await;
    let next = f.take_one().await;
    f.end(&next, &JobError::fail("e", "m")).await;
    assert_eq!(f.queue.cancel(QueueName::Ai, waiting).await.unwrap(), Cancelled::Done);
    for (id, state) in [(first, JobState::Completed), (failing, JobState::Failed), (waiting, JobState::Cancelled)] {
        assert_eq!(f.view(id).await.state, state);
    }

    f.raw::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    f.queue.enqueue(&job).await.unwrap();
    assert_eq!(f.take(1).await.len(), 1);
}
