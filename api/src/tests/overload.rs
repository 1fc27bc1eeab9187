//! More requests at once than the process can hold.

use super::app::App;

#[tokio::test]
async fn a_process_with_its_hands_full_says_so_and_is_alive() {
    let app = App::without_redis_but(&["--api-max-concurrent", "1"]).await;
    let held = app.state.room.0.clone().unwrap().try_acquire_owned().unwrap();
    let events = format!("/api/job-events?jobId={}", uuid::Uuid::now_v7());
    for path in ["/api/v1/jobs/x", "/api/job-status/x", &events] {
        let answer = app.get(path).await;
        let code = answer.body["code"].as_str().unwrap().to_lowercase();
        assert_eq!((answer.status.as_u16(), code.as_str()), (503, "overloaded"), "{path}");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(app.get("/api/health").await.status, 200);
    drop(held);
    assert_eq!(app.get("/api/v1/jobs/x").await.status, 404);
}
