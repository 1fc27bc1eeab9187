//! Requests that count against limits, and their jobs: one step.

use std::time::Duration;

use futures_util::future::join_all;

use super::fixture::{Echo, Fixture};
use crate::{
    queue::{EnqueueError, Meeting, NewJob, Submitted},
    request_limits::RequestLimit,
};

fn limit(most: u32) -> RequestLimit {
    RequestLimit { name: "user-ai", subject: "ada".to_owned(), most, window: Duration::from_mins(1) }
}

fn job(say: &str, key: Option<&str>) -> NewJob<Echo> {
    let idempotency_key = key.map(str::to_owned);
    NewJob { listed: true, idempotency_key, ..NewJob::new(Echo { say: say.to_owned() }, "ada") }
}

fn remaining(submitted: &Submitted) -> u32 {
    submitted.counted.standings[0].remaining
}

#[tokio::test]
async fn a_request_that_a_limit_refuses_makes_no_job() {
    let fixture = Fixture::start().await;
    let (queue, limits) = (&fixture.queue, [limit(20)]);
    let all = (0..100).map(|n| async move { queue.submit(&job(&n.to_string(), None), &[limit(20)]).await.unwrap() });
    let (accepted, refused): (Vec<_>, Vec<_>) =
        join_all(all).await.into_iter().partition(|submitted| submitted.outcome.is_ok());
    assert_eq!((accepted.len(), refused.len()), (20, 80));
    assert!(accepted.iter().all(|submitted| submitted.counted.over.is_none()));
    let is_limited = |submitted: &Submitted| matches!(submitted.outcome, Err(EnqueueError::Limited));
    assert!(refused.iter().all(|submitted| is_limited(submitted) && submitted.counted.over == Some(0)));
    assert_eq!(fixture.queue.waiting(crate::job::QueueName::Ai).await.unwrap(), 20);
    let ahead = accepted.iter().map(|submitted| submitted.ahead).max();
    assert_eq!((ahead, limits.len()), (Some(19), 1), "each tells how many wait before it");
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_costs_nothing() {
    let fixture = Fixture::start().await;
    let (queue, limits) = (&fixture.queue, [limit(2)]);
    let first = queue.submit(&job("a", Some("key")), &limits).await.unwrap();
    assert_eq!((first.outcome.as_ref().unwrap().meeting, remaining(&first)), (Meeting::New, 1));
    for _ in 0..3 {
        let repeat = queue.submit(&job("a", Some("key")), &limits).await.unwrap();
        let known = repeat.outcome.as_ref().unwrap();
        assert_eq!((known.meeting, known.id), (Meeting::Known, first.outcome.as_ref().unwrap().id));
        assert_eq!(remaining(&repeat), 1);
    }
    let mismatch = queue.submit(&job("b", Some("key")), &limits).await.unwrap();
    assert!(matches!(mismatch.outcome, Err(EnqueueError::KeyReused)));
    assert_eq!(remaining(&mismatch), 1);
    let other = queue.submit(&job("b", None), &limits).await.unwrap();
    assert_eq!((other.outcome.is_ok(), remaining(&other)), (true, 0));
    // The limit is used up, and the repeat is answered still.
    let repeat = queue.submit(&job("a", Some("key")), &limits).await.unwrap();
    assert_eq!((repeat.outcome.unwrap().meeting, repeat.counted.over), (Meeting::Known, None));
}
