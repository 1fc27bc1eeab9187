//! Redis goes away and comes back; nobody of ours is restarted.

use std::time::Duration;

use serde_json::Value;
use shared::testing::TestRedis;
use tokio::time::Instant;

use crate::harness::{System, chapter, legacy, lesson};

#[tokio::test]
async fn everyone_survives_redis_and_says_so() {
    let redis = TestRedis::with_append_only("always").await.unwrap();
    let mut system = System::on(redis).await;
    let (api, worker) = (system.api().await, system.worker("a").await);
    let done = system.submit(&api, &chapter(1, 2)).await;
    system.end_of(&api, &done).await;
    // Held in the worker while Redis is away: its settle comes later.
    system.simulator.hold();
    let held = system.submit(&api, &chapter(2, 2)).await;
    system.simulator.wait_for_calls(2).await;

    system.redis.kill().await.unwrap();
    system.simulator.release();
    for process in [&api, &worker] {
        let asked = Instant::now();
        let health = system.http.get(process.url("/api/health")).send().await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "health is slow: {:?}", asked.elapsed());
        assert_eq!(health.status(), 200);
        assert_eq!(health.json::<Value>().await.unwrap()["status"], "degraded");
        assert_eq!(system.http.get(process.url("/api/ready")).send().await.unwrap().status(), 503);
    }
    for (path, body) in [("/api/v1/flashcards", lesson("x")), ("/api/ai/generate-flashcards", legacy("x"))] {
        let asked = Instant::now();
        let answer = system.http.post(api.url(path)).json(&body).send().await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(3), "{path} is slow: {:?}", asked.elapsed());
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true), "{path}");
    }

    system.redis.start_again().await.unwrap();
    // Nothing but time brings them back: no request has to fail first.
    for process in [&api, &worker] {
        process.until_ready(&system.http).await;
    }
    let job = system.end_of(&api, &held).await;
    assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("completed"), Some(1)), "{job}");
    assert_eq!(system.job(&api, &done).await["state"], "completed", "nothing that was there is lost");
    let next = system.submit(&api, &chapter(3, 2)).await;
    assert_eq!(system.end_of(&api, &next).await["state"], "completed");
    assert_eq!(system.http.get(worker.url("/api/ready")).send().await.unwrap().status(), 200);
    assert!(worker.log().lines().count() < 100, "log lines are bounded:\n{}", worker.log());
}
