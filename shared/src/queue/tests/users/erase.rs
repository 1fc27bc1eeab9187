//! What is left of a user who was erased, and of those who shared work with that one.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::super::fixture::{Echo, Fixture, QUEUE};
use crate::{
    budget::{Allowance, Budget, Limits},
    job::{JobError, JobId, JobState, Kind, QueueName},
    queue::{
        Accepted, JobFilter, Meeting, NewJob,
        settle::Settled,
        take::TakenJob,
        tests::sharing::{Poem, poem},
    },
    request_limits::{RequestLimit, RequestLimits},
    users::Erased,
};

/// In no other word.
const GONE: &str = "Zoë the erased";

/// A poem that is held to a budget, of more bytes than are not counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ballad {
    say: String,
    chorus: String,
}

impl Kind for Ballad {
    const NAME: &'static str = Poem::NAME;
    const VERSION: u32 = Poem::VERSION;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Poem::RECIPE;

    fn tokens(&self) -> u32 {
        100
    }
}

fn ballad(user: &str, say: &str) -> NewJob<Ballad> {
    let payload = Ballad { say: say.to_owned(), chorus: "la ".repeat(200) };
    let idempotency_key = Some(format!("tap for {say}"));
    NewJob { listed: true, idempotency_key, ..NewJob::new(payload, user) }
}

impl Fixture {
    async fn with_budget() -> Self {
        let mut f = Self::start().await;
        f.queue = f.queue.clone().with_budget(Allowance {
            limits: Limits { user_tokens_per_day: 2_000_000, ..Limits::default() },
            prices: "model=1/10".parse().unwrap(),
            model: "model".to_owned(),
            chunk_tokens: 1_000,
            max_output_tokens: 400,
        });
        f
    }

    async fn ballad(&self, user: &str, say: &str) -> Accepted {
        self.queue.enqueue(&ballad(user, say)).await.unwrap()
    }

    /// Lets the time of a completed job of the user be over, and not that of its result.
    async fn expire(&self, id: JobId) {
        let content: String = self.raw(&["HGET", &self.keys.job(id), "content"]).await;
        self.raw::<u64>(&["DEL", &self.keys.job(id), &format!("{{test}}:repeat:{content}:{GONE}")]).await;
        self.raw::<u64>(&["ZREM", &self.keys.done(QUEUE), &id.to_string()]).await;
    }

    /// A ballad of `user` that a worker has.
    async fn active(&self, user: &str, say: &str) -> TakenJob {
        let id = self.ballad(user, say).await.id;
        let job = self.take_one().await;
        assert_eq!(job.id, id);
        job
    }

    /// A ballad of `user` that has come to `result`.
    async fn completed(&self, user: &str, say: &str, result: &str) -> JobId {
        let job = self.active(user, say).await;
        self.complete_with(&job, result).await;
        job.id
    }

    async fn erase(&self) -> Erased {
        self.users().erase(GONE).await.unwrap()
    }

    /// Every key that names the user, or in which something does.
    async fn traces(&self) -> Vec<String> {
        let read = |kind: &str| match kind {
            "string" => &["GET"][..],
            "hash" => &["HGETALL"],
            "list" => &["LRANGE", "0", "-1"],
            "zset" => &["ZRANGE", "0", "-1"],
            other => panic!("{other}"),
        };
        let mut traces = Vec::new();
        for key in self.keys_like("*").await {
            let command = read(&self.raw::<String>(&["TYPE", &key]).await);
            let words: Vec<&str> = [command[0], &key].into_iter().chain(command[1..].iter().copied()).collect();
            let value = format!("{:?}", self.raw::<redis::Value>(&words).await);
            // Bytes as they are shown: what is no ASCII is not what it was.
            if key.contains("the erased") || value.contains("the erased") {
                traces.push(key);
            }
        }
        traces.sort_unstable();
        traces
    }
}

#[tokio::test]
async fn nothing_names_who_was_erased_and_others_lose_nothing() {
    let f = Fixture::with_budget().await;
    let day = Budget::new(f.pool.clone(), f.keys.clone(), Limits::default()).status(None).await.unwrap().day;
    let limit = RequestLimit { name: "user-ai", subject: GONE.to_owned(), most: 9, window: Duration::from_mins(9) };
    RequestLimits::new(f.pool.clone(), f.keys.clone()).count(&[limit]).await.unwrap();

    // Ended, and shared with others or not.
    f.completed(GONE, "of nobody else", "alone").await;
    let answered = f.completed(GONE, "that answers for another", "shared").await;
    let cached = f.ballad("bob", "that answers for another").await;
    assert_eq!(cached.meeting, Meeting::Cached);
    let led = f.active(GONE, "that another waited for").await;
    let followed = f.ballad("bob", "that another waited for").await.id;
    f.complete_with(&led, "waited for").await;
    let of_bob = f.completed("bob", "of bob", "his").await;
    assert_eq!(f.ballad(GONE, "of bob").await.meeting, Meeting::Cached);
    let failed = f.active(GONE, "that fails").await;
    f.context(&failed).checkpoint("part", "1", 10).await.unwrap();
    f.end(&failed, &JobError::fail("broken", "It broke")).await;
    let plain = f.of_user(GONE, "whose result is nobody else's").await;
    f.complete(&f.take_one().await).await;
    // Results whose jobs are no longer kept; someone has made one of them anew.
    f.expire(f.completed(GONE, "whose job is gone", "of a job that is gone").await).await;
    f.expire(f.completed(GONE, "that was made anew", "old").await).await;
    f.queue.enqueue(&NewJob { fresh: true, ..ballad("eve", "that was made anew") }).await.unwrap();
    f.complete_with(&f.take_one().await, "new").await;

    // Not ended.
    let led_by_bob = f.active("bob", "of bob, that is done now").await;
    assert_eq!(f.ballad(GONE, "of bob, that is done now").await.meeting, Meeting::Joined);
    let held = f.active(GONE, "that is done now").await;
    let shared = f.active(GONE, "that is done now and shared").await;
    f.context(&shared).checkpoint("part", "1", 50).await.unwrap();
    let heir = f.ballad("bob", "that is done now and shared").await.id;
    f.ballad(GONE, "that waits").await;
    let payload = Echo { say: "later".to_owned() };
    let later = NewJob { delay: Duration::from_hours(1), listed: true, ..NewJob::new(payload.clone(), GONE) };
    f.accept(&later).await;
    f.accept(&NewJob::new(payload, GONE)).await;

    let erased = f.erase().await;
    assert_eq!((erased.cancelled, erased.results, erased.results_kept), (6, 3, 2), "{erased:?}");
    // What was spent today stays until the day ends.
    let spent = format!("{{test}}:spend:user:{day}:{GONE}");
    assert_eq!(f.traces().await, std::slice::from_ref(&spent));
    let ttl: i64 = f.raw(&["PTTL", &spent]).await;
    assert!(ttl > 0 && ttl <= 86_400_000, "{ttl}");
    assert_eq!(f.raw::<[Option<u64>; 1]>(&["HMGET", &spent, "held_tokens"]).await, [Some(0)], "holds are given back");

    // The workers that hold something learn that it has ended; what they bring changes nothing.
    assert_eq!(f.complete_with(&held, "late").await, Settled::Stale);
    assert!(f.context(&shared).checkpoint("part two", "2", 60).await.is_err());
    assert_eq!(f.complete_with(&shared, "late").await, Settled::Stale);
    // Others have what they were promised.
    for (id, result) in [(cached.id, "shared"), (followed, "waited for"), (of_bob, "his")] {
        assert_eq!(f.result_of(id).await, result);
    }
    f.complete_with(&led_by_bob, "done").await;
    let next = f.take_one().await;
    assert_eq!((next.id, next.resumed), (heir, true), "with what was done already");
    f.complete_with(&next, "inherited").await;
    assert_eq!(f.result_of(heir).await, "inherited");
    assert!(f.take(9).await.is_empty());
    let page = f.queue.jobs_of("bob", &JobFilter { most: 9, ..JobFilter::default() }).await.unwrap();
    assert_eq!(page.jobs.iter().filter(|job| job.state == JobState::Completed).count(), 5);

    // Nobody comes anew to what was kept, and nothing stays counted.
    assert_eq!(f.ballad("eve", "that answers for another").await.meeting, Meeting::New);
    assert_eq!(f.ballad("eve", "of nobody else").await.meeting, Meeting::New);
    for id in [plain, answered] {
        assert!(f.queue.job(id).await.unwrap().is_none());
    }
    assert_eq!(f.erase().await, Erased::default(), "there is nothing left to erase");
    assert_eq!(f.traces().await, [spent]);
}

#[tokio::test]
async fn what_results_and_payloads_took_is_given_back() {
    let f = Fixture::with_budget().await;
    f.completed(GONE, "one", "result").await;
    f.ballad(GONE, "two").await;
    assert!(f.bytes().await > (0, 0));
    f.erase().await;
    assert_eq!(f.bytes().await, (0, 0));
    assert_eq!(f.keys_like("*:cached").await, [""; 0]);
    for pattern in ["*:leader:*", "*:answer:*", "*:idempotency:*", "*:repeat:*", "*:job:*", "*:result:*", "*:jobs_of:*"]
    {
        assert_eq!(f.keys_like(pattern).await, [""; 0], "{pattern}");
    }
}

/// Lets something go on `steps` times, and then drops it. Whether it had come to its end.
async fn cut_off_after(steps: usize, what: impl Future) -> bool {
    let (mut what, mut left) = (pin!(what), steps);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        what.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test]
async fn an_erasing_that_was_cut_off_anywhere_is_done_again() {
    let f = Fixture::start().await;
    for n in 0..10 {
        f.shared_of(GONE, &format!("alone {n}")).await;
    }
    for n in 0..40 {
        f.shared_of(GONE, &n.to_string()).await;
        f.shared_of("bob", &n.to_string()).await;
    }
    for job in f.take(30).await {
        f.complete_with(&job, "done").await;
    }
    assert_eq!(f.keys_like("*:result:*").await.len(), 30);
    let users = f.users();
    let mut steps = 1;
    while !cut_off_after(steps, users.erase(GONE)).await {
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
    assert_eq!(f.traces().await, [""; 0]);
    assert_eq!(f.keys_like("*:result:*").await.len(), 20, "those that bob has come to");
    while let Some(job) = f.take(1).await.pop() {
        f.complete_with(&job, "done").await;
    }
    let page = f.queue.jobs_of("bob", &JobFilter { most: 90, ..JobFilter::default() }).await.unwrap();
    assert_eq!(page.jobs.len(), 40);
    for job in page.jobs {
        assert_eq!(f.result_of(job.id).await, "done");
    }
}

#[tokio::test]
async fn a_user_with_more_jobs_than_a_page_has_leaves_with_all_of_them() {
    let f = Fixture::start().await;
    // More than their list shows.
    for n in 0..1_100 {
        f.shared_of(GONE, &n.to_string()).await;
        if n % 10 == 0 {
            f.shared_of("bob", &format!("bob {n}")).await;
        }
    }
    for n in 0..4 {
        for job in f.take(64).await {
            if n % 2 == 0 {
                f.complete_with(&job, "done").await;
            } else {
                f.end(&job, &JobError::fail("broken", "It broke")).await;
            }
        }
    }
    let erased = f.erase().await;
    assert_eq!(erased.jobs, 1_100, "{erased:?}");
    assert_eq!(f.traces().await, [""; 0]);
    assert_eq!(f.keys_like("*:job:*").await.len(), 110);
}

#[tokio::test]
async fn those_who_still_wait_for_a_result_get_it_first() {
    let f = Fixture::start().await;
    f.shared_of(GONE, "x").await;
    // More than one step sees to.
    for n in 0..200 {
        f.shared_of(&format!("user-{n}"), "x").await;
    }
    let job = f.take_one().await;
    f.complete_with(&job, "done").await;
    assert_eq!(f.count(&f.keys.followers(job.id)).await, 200 - 64);
    let erased = f.erase().await;
    assert_eq!((erased.jobs, erased.results, erased.results_kept), (1, 0, 1));
    assert_eq!(f.queue.figures(QueueName::Ai, Duration::ZERO).await.unwrap().waiting, 0);
    let last = f.queue.jobs_of("user-199", &JobFilter { most: 1, ..JobFilter::default() }).await.unwrap();
    assert_eq!(f.result_of(last.jobs[0].id).await, "done");
}

#[tokio::test]
async fn damaged_jobs_leave_as_well() {
    let f = Fixture::start().await;
    let [text, stateless, buried] =
        [f.of_user(GONE, "1").await, f.of_user(GONE, "2").await, f.of_user(GONE, "3").await];
    f.raw::<String>(&["SET", &f.keys.job(buried), GONE]).await;
    assert!(f.take(9).await.len() == 2);
    assert_eq!(f.keys_like("*:corrupt:*").await.len(), 1);
    f.raw::<String>(&["SET", &f.keys.job(text), GONE]).await;
    f.raw::<u64>(&["HDEL", &f.keys.job(stateless), "state"]).await;
    f.erase().await;
    assert_eq!(f.traces().await, [""; 0]);
    assert_eq!(f.keys_like("*:job:*").await, [""; 0]);
    assert_eq!((f.count(&f.keys.deadlines(QUEUE)).await, f.count(&f.keys.dead(QUEUE)).await), (0, 0));
}

#[tokio::test]
async fn others_are_not_touched() {
    let f = Fixture::start().await;
    f.lead("bob", "x").await;
    f.queue.enqueue(&poem("Zoë", "y")).await.unwrap();
    let before = f.keys_like("*").await.len();
    assert_eq!(f.erase().await, Erased::default());
    assert_eq!(f.keys_like("*").await.len(), before);
}
