//! What is counted of whom.

use super::{
    super::fixture::{Echo, Fixture, QUEUE, jobs_config},
    of_api,
};
use crate::{
    budget::{Budget, Limits},
    config::JobsConfig,
    job::{JobError, QueueName},
    queue::{EnqueueError, NewJob, tests::sharing::poem},
    request_limits::RequestLimit,
    users::Counts,
};

const DAY_MS: u64 = 86_400_000;

#[tokio::test]
async fn every_end_of_every_job_is_counted_once() {
    let f = Fixture::start().await;
    for say in ["completes", "fails", "is cancelled", "fails at its deadline", "is lost", "goes on"] {
        f.of_user("ada", say).await;
    }
    let jobs = f.take(5).await;
    f.complete(&jobs[0]).await;
    f.complete(&jobs[0]).await;
    f.end(&jobs[1], &JobError::fail("broken", "It broke")).await;
    f.queue.cancel(QueueName::Ai, jobs[2].id).await.unwrap();
    f.complete(&jobs[2]).await;
    f.pass_deadline(jobs[3].id).await;
    f.raw::<u64>(&["ZADD", &f.keys.leases(QUEUE), "1", &jobs[4].id.to_string()]).await;
    f.take(0).await;
    // An old holder brings a result, and then the new one.
    f.complete(&jobs[4]).await;

    let activity = f.activity("ada").await;
    let expected = Counts { accepted: 6, completed: 2, failed: 2, cancelled: 1, refused: 0, limited: 0 };
    assert_eq!(activity.counts, expected);
    let error = activity.last_error.unwrap();
    assert_eq!(error.code, "deadline_exceeded");
    let (first, last) = (activity.first_ms.unwrap(), activity.last_ms.unwrap());
    assert!(first <= last && last <= error.at_ms, "{first} {last} {error:?}");
    let today = &f.users().statistics(2).await.unwrap();
    assert_eq!((today.unique_users, today.days[0].unique_users, today.days[0].counts), (1, 1, expected));
    assert_eq!((today.days[1].unique_users, today.days[1].counts), (0, Counts::default()));
}

#[tokio::test]
async fn shared_work_is_counted_for_each_who_asked() {
    let f = Fixture::start().await;
    for user in ["ada", "ada", "bob", "eve"] {
        f.shared_of(user, "a poem").await;
    }
    let leader = f.take_one().await;
    f.complete_with(&leader, "roses").await;
    f.shared_of("zoe", "a poem").await;
    // Ada's second tap is the job that was there.
    for user in ["ada", "bob", "eve", "zoe"] {
        let counts = f.activity(user).await.counts;
        assert_eq!(counts, Counts { accepted: 1, completed: 1, ..Counts::default() }, "{user}");
    }
    f.shared_of("ada", "another").await;
    f.shared_of("bob", "another").await;
    f.end(&f.take_one().await, &JobError::fail("broken", "It broke")).await;
    for user in ["ada", "bob"] {
        let expected = Counts { accepted: 2, completed: 1, failed: 1, ..Counts::default() };
        assert_eq!(f.activity(user).await.counts, expected, "{user}");
    }
    assert_eq!(f.users().statistics(1).await.unwrap().unique_users, 4);
}

#[tokio::test]
async fn a_job_that_no_list_shows_counts_for_nobody() {
    let f = Fixture::start().await;
    f.enqueue("x").await;
    f.lead("bob", "a poem").await;
    for job in f.take(2).await {
        f.complete(&job).await;
    }
    for pattern in ["*:user:*", "*:users", "*:day:*", "*:unique:*"] {
        assert_eq!(f.keys_like(pattern).await, [""; 0], "{pattern}");
    }
}

#[tokio::test]
async fn what_is_refused_is_counted_with_its_reason() {
    let f = Fixture::with_jobs(JobsConfig { queue_max_waiting: 1, ..jobs_config() }).await;
    f.of_user("bob", "1").await;
    let job = NewJob { listed: true, ..NewJob::new(Echo { say: "2".to_owned() }, "ada") };
    assert!(matches!(f.queue.enqueue(&job).await, Err(EnqueueError::Full { .. })));
    let activity = f.activity("ada").await;
    assert_eq!(activity.counts, Counts { refused: 1, ..Counts::default() });
    assert_eq!(activity.last_refusal.map(|refusal| refusal.code).as_deref(), Some("full"));

    let window = std::time::Duration::from_mins(1);
    let limits_of_ada = [RequestLimit { name: "user-ai", subject: "ada".to_owned(), most: 1, window }];
    for _ in 0..3 {
        f.queue.submit(&job, &limits_of_ada).await.unwrap();
    }
    assert_eq!(f.activity("ada").await.counts, Counts { refused: 2, limited: 2, ..Counts::default() });
}

#[tokio::test]
async fn all_of_it_has_an_end_and_one_can_begin_anew() {
    let f = Fixture::start().await;
    f.of_user("ada", "1").await;
    f.complete(&f.take_one().await).await;
    for (pattern, days) in [("*:user:*", 60), ("*:day:*", 32), ("*:unique:*", 32)] {
        let [key] = &f.keys_like(pattern).await[..] else { panic!("{pattern}") };
        let ttl: u64 = f.raw(&["PTTL", key]).await;
        assert!(ttl <= days * DAY_MS && ttl > (days - 1) * DAY_MS, "{key}: {ttl}");
    }
    let unfinished = f.of_user("ada", "2").await;
    assert!(f.users().reset_tracking("ada").await.unwrap());
    assert!(!f.users().reset_tracking("ada").await.unwrap());
    assert_eq!(f.activity("ada").await.first_ms, None);
    assert_eq!(f.users().overview(None, 10).await.unwrap().known, 0);
    assert_eq!(f.view(unfinished).await.user, "ada");
    // What ends now is counted, and has an end as well.
    f.complete(&f.take_one().await).await;
    assert_eq!(f.activity("ada").await.counts, Counts { completed: 1, ..Counts::default() });
    assert!(f.raw::<i64>(&["PTTL", &f.keys.user("ada")]).await > 0);
}

#[tokio::test]
async fn damaged_figures_stand_in_nobodys_way() {
    let f = Fixture::start().await;
    for damage in [
        &["SET", "{test}:user:ada", "x"][..],
        &["HSET", "{test}:user:ada", "accepted", "many", "completed", "x", "last", "never"],
        &["SET", "{test}:users", "x"],
        &["HSET", "{test}:user:ada", "completed", "9223372036854775807"],
    ] {
        f.raw::<redis::Value>(damage).await;
        f.queue.enqueue(&of_api(poem("ada", &damage.join(" ")))).await.unwrap();
        f.complete(&f.take_one().await).await;
        let counts = f.activity("ada").await.counts;
        assert!(counts.accepted >= 1 && counts.completed >= 1, "{damage:?}: {counts:?}");
    }
}

#[tokio::test]
async fn what_a_user_spends_is_shown_by_day() {
    let f = Fixture::start().await;
    f.of_user("ada", "1").await;
    let status = Budget::new(f.pool.clone(), f.keys.clone(), Limits::default()).status(None).await.unwrap();
    let key = format!("{{test}}:spend:user:{}:ada", status.day);
    f.raw::<u64>(&["HSET", &key, "tokens", "7", "micros", "9", "held_tokens", "11"]).await;
    let detail = f.users().detail("ada").await.unwrap();
    let today = &detail.days[0];
    assert_eq!((today.day.as_str(), today.spend.tokens, today.spend.held_tokens), (status.day.as_str(), 7, 11));
    assert_eq!((detail.days.len(), detail.days[1].spend.micros, detail.listed_jobs), (8, 0, 1));
    let nobody = f.users().detail("nobody").await.unwrap();
    assert_eq!((nobody.activity.first_ms, nobody.suspension, nobody.listed_jobs), (None, None, 0));
}

#[tokio::test]
async fn a_list_that_begins_after_a_refusal_has_an_end_as_well() {
    let f = Fixture::start().await;
    // Within one minute: the user is known already when the list begins.
    f.users().suspend("ada", "").await.unwrap();
    let job = NewJob { listed: true, ..NewJob::new(Echo { say: "1".to_owned() }, "ada") };
    assert!(matches!(f.queue.enqueue(&job).await, Err(EnqueueError::Suspended)));
    f.users().lift_suspension("ada").await.unwrap();
    f.queue.enqueue(&job).await.unwrap();
    assert!(f.raw::<i64>(&["PTTL", &f.keys.jobs_of("ada")]).await > 0);
}
