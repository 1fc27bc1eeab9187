//! Counting in a real Redis.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Counted, RequestLimit, RequestLimits};
use crate::{redis::Keys, testing::TestRedis};

fn limit(name: &'static str, subject: &str, most: u32) -> RequestLimit {
    RequestLimit { name, subject: subject.to_owned(), most, window: Duration::from_mins(1) }
}

fn limits(redis: &TestRedis) -> RequestLimits {
    RequestLimits::new(redis.pool(), Keys::new("test"))
}

fn remaining(counted: &Counted) -> Vec<u32> {
    counted.standings.iter().map(|standing| standing.remaining).collect()
}

#[tokio::test]
async fn exactly_as_many_pass_however_many_ask_at_once() {
    let redis = TestRedis::start().await.unwrap();
    let (one, other) = (limits(&redis), limits(&redis));
    let asked = [limit("user-ai", "ada", 20), limit("address-ai", "::1", 100)];
    let all = join_all((0..200).map(|n| if n % 2 == 0 { &one } else { &other }.count(&asked))).await;
    let passed = all.iter().filter(|counted| counted.as_ref().unwrap().over.is_none()).count();
    assert_eq!(passed, 20);
    // Whoever is refused by one limit has used nothing of the other.
    let next = one.count(&[limit("user-ai", "bob", 20), limit("address-ai", "::1", 100)]).await.unwrap();
    assert_eq!((next.over, remaining(&next)), (None, vec![19, 79]));
}

#[tokio::test]
async fn the_one_that_is_used_up_is_named_with_its_time() {
    let redis = TestRedis::start().await.unwrap();
    let limits = limits(&redis);
    let asked = [limit("user-ai", "ada", 5), limit("address-ai", "::1", 1)];
    let first = limits.count(&asked).await.unwrap();
    assert_eq!((first.over, remaining(&first)), (None, vec![4, 0]));
    let second = limits.count(&asked).await.unwrap();
    assert_eq!((second.over, remaining(&second)), (Some(1), vec![4, 0]));
    assert_eq!(second.standings[1].reset_at_ms, first.now_ms + 60_000);
    assert!(limits.forget("address-ai", "::1").await.unwrap());
    assert_eq!(limits.count(&asked).await.unwrap().over, None);
}

#[tokio::test]
async fn requests_from_before_the_clock_was_set_back_count_for_one_window_from_now() {
    let redis = TestRedis::start().await.unwrap();
    let limits = limits(&redis);
    let asked = [limit("user-ai", "ada", 3)];
    let now_ms = limits.count(&asked).await.unwrap().now_ms;
    let hour = 3_600_000;
    let mut ahead = redis::pipe();
    let key = "{test}:asked_at:user-ai:ada";
    ahead.del(key).ignore().rpush(key, &[now_ms + hour, now_ms + hour + 1]).ignore();
    redis.pool().query::<()>(&ahead).await.unwrap();
    let next = limits.count(&asked).await.unwrap();
    assert_eq!((next.over, remaining(&next)), (None, vec![0]));
    let reset = next.standings[0].reset_at_ms;
    assert!((next.now_ms..=next.now_ms + 60_000).contains(&reset), "{reset} at {}", next.now_ms);
    assert_eq!(limits.count(&asked).await.unwrap().over, Some(0));
}

#[tokio::test]
async fn a_request_counts_for_one_window() {
    let redis = TestRedis::start().await.unwrap();
    let limits = limits(&redis);
    let asked = [limit("user-ai", "ada", 2)];
    limits.count(&asked).await.unwrap();
    let second = limits.count(&asked).await.unwrap();
    assert_eq!(limits.count(&asked).await.unwrap().over, Some(0));
    // The first one was made a window ago.
    let key = "{test}:asked_at:user-ai:ada";
    let mut age = redis::pipe();
    age.cmd("LSET").arg(key).arg(0).arg(second.now_ms - 60_000).ignore().pttl(key);
    let (left,): (i64,) = redis.pool().query(&age).await.unwrap();
    assert!(left > 0, "it is forgotten by itself");
    assert_eq!(limits.count(&asked).await.unwrap().over, None);
    assert_eq!(limits.count(&asked).await.unwrap().over, Some(0));
}

#[tokio::test]
async fn whatever_has_left_the_window_is_forgotten_at_once_and_nothing_else() {
    let redis = TestRedis::start().await.unwrap();
    let limits = limits(&redis);
    let asked = [limit("user-ai", "ada", 1_000)];
    let now_ms = limits.look(&asked).await.unwrap().now_ms;
    for old in 0..=20_u64 {
        limits.forget("user-ai", "ada").await.unwrap();
        let mut made = redis::pipe();
        for n in 0..20 {
            // The last ones are young enough to stay for as long as this test runs.
            let age = if n < old { 60_000 + 20 - n } else { 20 - n };
            made.rpush("{test}:asked_at:user-ai:ada", now_ms - age).ignore();
        }
        redis.pool().query::<()>(&made).await.unwrap();
        let counted = limits.count(&asked).await.unwrap();
        assert_eq!(u64::from(remaining(&counted)[0]), 1_000 - (20 - old.min(20)) - 1, "{old} of 20 are too old");
    }
}
