//! What operators see is what there is.

use std::time::Duration;

use super::fixture::{Echo, Fixture, QUEUE};
use crate::{
    breaker::{BreakerState, breaker_status},
    job::{JobError, JobId, Priority, QueueName, kinds},
    limiter::{Group, Limits, limiter_status, usage},
    metrics::read_figures,
    queue::{Ending, LineFigures, NewJob, QueueFigures, line_figures, pause_queue, tests::limits::ended},
    redis::millis,
};

const LATELY: Duration = Duration::from_mins(1);

#[tokio::test]
async fn jobs_are_counted_where_they_stand() {
    let f = Fixture::start().await;
    let figures = async || f.queue.figures(QueueName::Ai, LATELY).await.unwrap();
    let empty = figures().await;
    assert_eq!(empty, QueueFigures { at_ms: empty.at_ms, ..QueueFigures::default() });
    for say in ["a", "b", "c", "d"] {
        f.enqueue(say).await;
    }
    let payload = Echo { say: "later".to_owned() };
    f.accept(&NewJob { delay: Duration::from_mins(5), ..NewJob::new(payload, "ada") }).await;
    let jobs = f.take(3).await;
    f.complete(&jobs[0]).await;
    f.end(&jobs[1], &JobError::fail("bad", "It can't be done")).await;
    pause_queue(&f.pool, &f.keys, QueueName::Ai).await.unwrap();
    // An end of long ago is kept, and did not happen lately.
    f.raw::<u64>(&["ZADD", &f.keys.dead(QUEUE), "1", "old"]).await;
    let counted = figures().await;
    let expected = QueueFigures {
        workers_lost: 0,
        at_ms: counted.at_ms,
        oldest_ms: counted.oldest_ms,
        waiting: 1,
        active: 1,
        delayed: 1,
        completed: 1,
        failed: 2,
        completed_lately: 1,
        failed_lately: 1,
        ended_last_minute: 2,
        paused: true,
    };
    assert_eq!((counted, counted.total(), counted.in_line()), (expected, 6, 2));
    assert!(counted.oldest_ms < 60_000, "{}", counted.oldest_ms);
    assert_eq!(f.queue.figures(QueueName::Audio, LATELY).await.unwrap().total(), 0);
}

#[tokio::test]
async fn who_waits_is_counted_by_class_with_the_age_of_those_who_are_next() {
    let f = Fixture::start().await;
    let figures = async || line_figures(&f.pool, &f.keys, QueueName::Ai).await.unwrap();
    let empty = figures().await;
    assert_eq!(empty, LineFigures { at_ms: empty.at_ms, ..LineFigures::default() });
    // The fixture's own kind is none that the api knows: jobs of the real lane are put in line by hand.
    let lane = kinds::lanes(QueueName::Ai).remove(0);
    let put = async |class: Priority, age: u64| {
        let id = JobId::new();
        let created = (empty.at_ms - age).to_string();
        f.raw::<u64>(&["HSET", &f.keys.job(id), "created", &created]).await;
        f.raw::<u64>(&["ZADD", &f.keys.waiting(QUEUE, &lane, class), &age.to_string(), &id.to_string()]).await;
    };
    put(Priority::Interactive, 5_000).await;
    put(Priority::Interactive, 9_000).await;
    for age in 1..=10 {
        put(Priority::Bulk, age).await;
    }
    // It is not among the ten that are next.
    put(Priority::Bulk, 3_600_000).await;
    f.raw::<u64>(&["ZADD", &f.keys.waiting(QUEUE, &lane, Priority::Normal), "0", "no job of ours"]).await;
    let counted = figures().await;
    let waiting = counted.classes.map(|class| class.waiting);
    assert_eq!((waiting, counted.waiting()), ([2, 1, 11], 14));
    let about = |class: usize, ms: u64| {
        let oldest = millis(counted.classes[class].oldest);
        assert!((ms..ms + 30_000).contains(&oldest), "{class}: {oldest} ms");
    };
    about(0, 9_000);
    about(2, 10);
    assert_eq!((counted.classes[1].oldest, counted.oldest()), (Duration::ZERO, counted.classes[0].oldest));
}

#[tokio::test]
async fn what_has_slid_out_of_the_window_is_not_used() {
    let limits = Limits { rpm: 10, tpm: 100_000, ..super::limits::FREE };
    let f = Fixture::limited(limits).await;
    let group: Group = Fixture::group();
    let used = async || {
        let used = usage(&f.pool, &f.keys, &group).await.unwrap();
        (used.requests, used.tokens > 0)
    };
    assert_eq!(used().await, (0, false));
    f.enqueue_many(2).await;
    assert_eq!(f.ask("a", 2).await.0.len(), 2);
    assert_eq!(used().await, (2, true));
    f.let_pass(super::limits::WINDOW + super::limits::GUARD).await;
    assert_eq!(used().await, (0, false), "no take has looked since");
    assert_eq!(limiter_status(&f.pool, &f.keys, &group).await.unwrap().in_force["rpm"], 10);
}

#[tokio::test]
async fn calls_are_counted_by_what_came_of_them() {
    let f = Fixture::limited(Limits { rpm: 100, ..super::limits::FREE }).await;
    f.enqueue_many(4).await;
    let jobs = f.ask("a", 4).await.0;
    for (job, ending) in jobs.iter().zip([Ending::Ok, Ending::Rejected, Ending::Failed, Ending::Unsent]) {
        let call = f.begin(job, 1).await.unwrap();
        call.end(ended(ending)).await;
    }
    let figures = read_figures(&f.pool, &f.keys).await.unwrap();
    assert_eq!(figures.calls("openai"), (3, 2));
    assert!(figures.call_time("openai").is_some() && figures.call_time("azure").is_none());
    assert_eq!((figures.calls("azure"), figures.requests()), ((0, 0), 0));
    let breaker = breaker_status(&f.pool, &f.keys, "openai").await.unwrap();
    assert_eq!((breaker.state, breaker.failures), (BreakerState::Closed, 1));
    assert!(breaker.last_failure_at_ms.is_some());
}
