//! Results that answer for later jobs.

use std::time::Duration;

use super::poem;
use crate::{
    config::JobsConfig,
    queue::{
        EnqueueError, Meeting, NewJob,
        take::{Taken, Wait},
        tests::fixture::{Fixture, QUEUE, jobs_config},
    },
};

impl Fixture {
    /// The work is done, with a result of `bytes` bytes.
    async fn done(&self, say: &str, bytes: usize) -> crate::job::JobId {
        let id = self.lead("ada", say).await;
        let job = self.take_one().await;
        // A JSON string has two quotes.
        self.complete_with(&job, &"x".repeat(bytes - 2)).await;
        id
    }

    /// How long it is known who does the only work (`leader`), or whose result answers for it (`answer`), in ms; -2: it is not.
    async fn known_for_ms(&self, what: &str) -> i64 {
        let keys = self.keys_like(&format!("*:{what}:*")).await;
        assert!(keys.len() <= 1, "one piece of work: {keys:?}");
        self.raw(&["PTTL", keys.first().map_or("none", String::as_str)]).await
    }

    async fn meets(&self, user: &str, say: &str) -> Meeting {
        self.ask_poem(user, say).await.meeting
    }
}

#[tokio::test]
async fn the_oldest_results_make_room() {
    let f = Fixture::with_jobs(JobsConfig { cache_max_bytes: 250, ..jobs_config() }).await;
    let oldest = f.done("one", 100).await;
    assert_eq!(f.meets("bob", "one").await, Meeting::Cached);
    f.done("two", 100).await;
    assert_eq!(f.bytes().await, (0, 200));
    f.done("three", 100).await;
    assert_eq!(f.bytes().await, (0, 200), "one had to go");
    assert_eq!(f.meets("eve", "two").await, Meeting::Cached);
    assert_eq!(f.meets("eve", "three").await, Meeting::Cached);
    assert_eq!(f.meets("eve", "one").await, Meeting::New);
    assert_eq!(f.result_of(oldest).await.len(), 98, "whoever had it keeps it");
    let kept: i64 = f.raw(&["PTTL", &f.keys.result(oldest)]).await;
    assert!(kept > 0 && kept <= 600_000);
}

#[tokio::test]
async fn a_result_larger_than_the_cache_answers_for_its_own_jobs_alone() {
    let f = Fixture::with_jobs(JobsConfig { cache_max_bytes: 50, ..jobs_config() }).await;
    let id = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let job = f.take_one().await;
    f.complete_with(&job, &"x".repeat(98)).await;
    assert_eq!((f.result_of(id).await.len(), f.result_of(follower).await.len()), (98, 98));
    assert_eq!(f.bytes().await, (0, 0));
    assert_eq!(f.meets("eve", "spring").await, Meeting::New);
}

#[tokio::test]
async fn without_a_cache_only_what_runs_is_shared() {
    let f = Fixture::with_jobs(JobsConfig { content_cache_ttl_seconds: 0, ..jobs_config() }).await;
    f.done("spring", 100).await;
    assert_eq!(f.bytes().await, (0, 0));
    assert_eq!(f.meets("bob", "spring").await, Meeting::New);
    assert_eq!(f.meets("eve", "spring").await, Meeting::Joined);
}

#[tokio::test]
async fn a_result_answers_until_its_time_is_over_and_then_takes_no_room() {
    let f = Fixture::start().await;
    f.done("spring", 100).await;
    let answer = f.keys_like("*:answer:*").await;
    let text: String = f.raw(&["GET", &answer[0]]).await;
    let [job, _, by]: [&str; 3] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    f.raw::<String>(&["SET", &answer[0], &format!("{job} 1 {by}")]).await;
    assert_eq!(f.meets("bob", "spring").await, Meeting::New);
    let [member]: [String; 1] = f.raw(&["ZRANGE", "{test}:cached", "0", "-1"]).await;
    f.raw::<u64>(&["ZADD", "{test}:cached", "1", &member]).await;
    assert_eq!(f.take(1).await.len(), 1);
    assert_eq!(f.bytes().await.1, 0);
    assert_eq!(f.count("{test}:cached").await, 0);
}

#[tokio::test]
async fn what_is_known_of_work_goes_with_the_result_that_answers_for_it() {
    let f = Fixture::start().await;
    f.done("spring", 100).await;
    let (leader, answer) = (f.known_for_ms("leader").await, f.known_for_ms("answer").await);
    assert!((1..=600_000).contains(&answer) && leader == -2, "{answer} {leader}");
}

#[tokio::test]
async fn what_is_known_of_work_stays_while_someone_does_it() {
    let f = Fixture::start().await;
    f.lead("ada", "spring").await;
    f.take_one().await;
    f.queue.enqueue(&NewJob { fresh: true, ..poem("bob", "spring") }).await.unwrap();
    let second = f.take_one().await;
    f.complete(&second).await;
    let (leader, answer) = (f.known_for_ms("leader").await, f.known_for_ms("answer").await);
    assert!((1..=600_000).contains(&answer), "{answer}");
    assert!(leader > 600_000, "ada's job may take until its deadline: {leader}");
}

#[tokio::test]
async fn one_take_forgets_more_results_than_jobs_end_between_two() {
    let f = Fixture::start().await;
    let mut add = redis::pipe();
    for n in 0..1_500 {
        add.zadd("{test}:cached", format!("digest-{n} job-{n} 20"), 1).ignore();
    }
    f.pool.query::<()>(&add).await.unwrap();
    f.raw::<u64>(&["HSET", "{test}:bytes", "results", "30050"]).await;
    let idle = f.take_as("r1", 1, &f.settings).await;
    assert_eq!(idle, Taken::Wait(Wait::Idle(Some(Duration::ZERO))), "there are more");
    assert_eq!((f.count("{test}:cached").await, f.bytes().await), (500, (0, 10_050)));
    f.take(1).await;
    assert_eq!((f.count("{test}:cached").await, f.bytes().await), (0, (0, 50)));
}

#[tokio::test]
async fn payloads_of_unfinished_jobs_are_bounded() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_bytes: 2_500, ..jobs_config() }).await;
    let text = "x".repeat(990);
    let payload = 990 + r#"{"say":""}"#.len() as u64;
    let first = f.enqueue(&text).await;
    f.enqueue(&text).await;
    assert_eq!(f.bytes().await, (2 * payload, 0));
    let refused = f.queue.enqueue(&poem("eve", &text)).await;
    assert!(matches!(refused, Err(EnqueueError::Full { unfinished: 2 })), "{refused:?}");
    assert_eq!(f.bytes().await, (2 * payload, 0), "what is refused takes no room");
    assert_eq!(f.count(&f.keys.deadlines(QUEUE)).await, 2);
    let job = f.take_one().await;
    assert_eq!(job.id, first);
    f.complete(&job).await;
    assert_eq!(f.bytes().await, (payload, 0));
    f.lead("eve", &text).await;
}

#[tokio::test]
async fn one_payload_is_accepted_however_large_where_nothing_else_takes_room() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_bytes: 10, ..jobs_config() }).await;
    let text = "x".repeat(990);
    f.enqueue(&text).await;
    let refused = f.queue.enqueue(&poem("ada", &text)).await;
    assert!(matches!(refused, Err(EnqueueError::Full { unfinished: 1 })), "{refused:?}");
    // That takes less room than the job itself does.
    f.enqueue("short").await;
    assert_eq!(f.bytes().await, (1_000, 0));
}
