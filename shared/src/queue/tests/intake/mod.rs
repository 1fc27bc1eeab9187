//! Requests that go to Redis together.

mod property;

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    fixture::{Fixture, QUEUE, allowance, jobs_config},
    sharing::Sonnet,
};
use crate::{
    budget::Limits,
    config::JobsConfig,
    job::{JobId, QueueName},
    queue::{EnqueueError, Meeting, NewJob, intake::CALLS},
    request_limits::RequestLimit,
};

fn sonnet(user: &str, say: &str) -> NewJob<Sonnet> {
    NewJob { listed: true, ..NewJob::new(Sonnet { say: say.to_owned() }, user) }
}

impl Fixture {
    /// How often a script was called since the server's start.
    async fn script_calls(&self) -> u64 {
        let statistics: String = self.raw(&["INFO", "commandstats"]).await;
        let calls = statistics.split_once("cmdstat_evalsha:calls=").map(|(_, rest)| rest.split_once(',').unwrap().0);
        calls.map_or(0, |calls| calls.parse().unwrap())
    }
}

#[tokio::test]
async fn many_requests_at_once_are_few_calls_and_every_one_has_its_answer() {
    let f = Fixture::start().await;
    f.queue.enqueue(&sonnet("first", "sends the script")).await.unwrap();
    let before = f.script_calls().await;
    let asked: Vec<_> = (0..200).map(|n| sonnet(&format!("user-{n}"), &format!("verse {n}"))).collect();
    let accepted = join_all(asked.iter().map(|job| f.queue.enqueue(job))).await;
    let calls = f.script_calls().await - before;
    assert!((200_u64.div_ceil(32)..=12).contains(&calls), "{calls} calls");
    for (job, accepted) in asked.iter().zip(accepted) {
        let accepted = accepted.unwrap();
        assert_eq!(accepted.meeting, Meeting::New);
        let payload: String = f.raw(&["HGET", &f.keys.job(accepted.id), "payload"]).await;
        assert_eq!(payload, serde_json::to_string(&job.payload).unwrap(), "the answer is that of the request");
    }
}

#[tokio::test]
async fn what_bounds_requests_is_exact_among_those_that_come_together() {
    let mut f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 50, ..jobs_config() }).await;
    let unlimited = f.queue.clone().with_budget(allowance(Limits::default()));
    let held = unlimited.allowance.hold(100).tokens;
    f.queue = f.queue.clone().with_budget(allowance(Limits { fleet_tokens_per_month: 30 * held, ..Limits::default() }));
    let limit =
        |most| RequestLimit { name: "address-ai", subject: "::1".to_owned(), most, window: Duration::from_mins(1) };
    let ask = |most: u32, users: u32| {
        let f = &f;
        join_all((0..users).map(move |n| async move {
            let job = sonnet(&format!("user-{n}"), &format!("verse {n} of {most}"));
            f.queue.submit(&job, &[limit(most)]).await.unwrap().outcome
        }))
    };
    let limited = ask(20, 100).await;
    assert_eq!(limited.iter().filter(|answer| answer.is_ok()).count(), 20, "as many as the address may ask for");
    assert_eq!(limited.iter().filter(|answer| matches!(answer, Err(EnqueueError::Limited))).count(), 80);
    let over = ask(1_000, 40).await;
    assert_eq!(over.iter().filter(|answer| answer.is_ok()).count(), 10, "as many as the fleet may still spend on");
    assert_eq!(over.iter().filter(|answer| matches!(answer, Err(EnqueueError::OverBudget { .. }))).count(), 30);
    f.queue = unlimited;
    let full = join_all((0..40).map(|n| {
        let f = &f;
        async move { f.queue.enqueue(&sonnet("ada", &format!("verse {n}"))).await }
    }))
    .await;
    assert_eq!(full.iter().filter(|answer| answer.is_ok()).count(), 20, "as many as the queue has room for");
    assert_eq!(full.iter().filter(|answer| matches!(answer, Err(EnqueueError::Full { unfinished: 50 }))).count(), 20);
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 50);
}

#[tokio::test]
async fn taps_that_come_together_are_one_job() {
    let f = Fixture::start().await;
    let taps = join_all((0..30).map(|n| {
        let f = &f;
        async move { f.queue.enqueue(&sonnet(if n % 3 == 0 { "bob" } else { "ada" }, "spring")).await.unwrap() }
    }))
    .await;
    let met = |meeting| taps.iter().filter(|tap| tap.meeting == meeting).count();
    assert_eq!((met(Meeting::New), met(Meeting::Joined), met(Meeting::Known)), (1, 1, 28));
}

#[tokio::test]
async fn a_damaged_key_is_a_matter_of_the_one_who_meets_it() {
    let mut f = Fixture::start().await;
    f.queue = f.queue.clone().with_budget(allowance(Limits::default()));
    f.queue.enqueue(&sonnet("ada", "before")).await.unwrap();
    let spent = f.keys_like("*:spend:user:*:ada").await;
    f.raw::<u64>(&["DEL", &spent[0]]).await;
    f.raw::<u64>(&["SADD", &spent[0], "other"]).await;
    let asked = ["ada", "bob", "eve"].map(|user| f.queue.request(JobId::new(), &sonnet(user, user), &[]));
    let requests = asked.map(Result::unwrap);
    let answers = f.queue.enqueue_all(QueueName::Ai, &requests).await.unwrap();
    let words: Vec<&str> = answers.iter().map(|answer| answer.split([' ', '\n']).next().unwrap()).collect();
    assert_eq!(words, ["error", "accepted", "accepted"]);
    assert!(answers[0].contains("WRONGTYPE"), "{}", answers[0]);
    // It is told to its caller as what it is.
    let told = f.queue.enqueue(&sonnet("ada", "again")).await;
    assert!(matches!(&told, Err(EnqueueError::Unavailable(error)) if error.is_wrong_type()), "{told:?}");
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 3, "ada's first, bob's and eve's");
    assert_eq!(f.take(10).await.len(), 3);
}

#[tokio::test]
async fn a_request_whose_caller_leaves_before_it_is_sent_is_not_sent() {
    let f = Fixture::start().await;
    f.queue.enqueue(&sonnet("first", "sends the script")).await.unwrap();
    let other = f.redis.pool();
    let tell = async |words: &[&str]| {
        let mut pipe = redis::pipe();
        pipe.add_command(words.iter().fold(redis::Cmd::new(), |mut command, word| {
            command.arg(word);
            command
        }));
        other.query::<redis::Value>(&pipe).await.unwrap()
    };
    tell(&["CLIENT", "PAUSE", "60000", "WRITE"]).await;
    let ask = |say: &str| {
        let (queue, job) = (f.queue.clone(), sonnet("ada", say));
        Box::pin(async move { queue.enqueue(&job).await })
    };
    let mut out = Vec::new();
    for n in 0..CALLS {
        let mut sent = ask(&format!("out {n}"));
        assert!(futures_util::poll!(sent.as_mut()).is_pending());
        while f.queue.intake.waiting(QueueName::Ai) > 0 {
            tokio::task::yield_now().await;
        }
        out.push(sent);
    }
    let (mut gone, mut stays) = (ask("gone"), ask("stays"));
    assert!(futures_util::poll!(gone.as_mut()).is_pending() && futures_util::poll!(stays.as_mut()).is_pending());
    assert_eq!(f.queue.intake.waiting(QueueName::Ai), 2);
    drop(gone);
    tell(&["CLIENT", "UNPAUSE"]).await;
    stays.await.unwrap();
    for sent in out {
        sent.await.unwrap();
    }
    let taken = f.take(10).await;
    let said: Vec<_> = taken.iter().map(|job| String::from_utf8_lossy(&job.payload)).collect();
    assert_eq!(said.len(), 2 + CALLS, "{said:?}");
    assert!(!said.iter().any(|payload| payload.contains("gone")), "{said:?}");
}
