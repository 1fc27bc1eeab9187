//! Steering over HTTP and in process.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{call, http, json, start};
use crate::testing::simulator::{Arrival, Stats};

#[tokio::test]
async fn held_calls_are_logged_and_wait() {
    let simulator = start();
    simulator.hold();
    let watch = async {
        simulator.wait_for_calls(2).await;
        let stats = simulator.stats(Duration::from_mins(1));
        simulator.release();
        stats
    };
    let (first, second, stats) = tokio::join!(call(&simulator, "a.1.1"), call(&simulator, "b.1.1"), watch);
    assert_eq!((stats.max_in_flight, stats.by_status.get(&0)), (2, Some(&2)), "no answer while held");
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
}

#[tokio::test]
async fn the_gate_and_the_wait_work_over_http() {
    let simulator = start();
    let url = |path: &str| format!("{}/_sim/{path}", simulator.control_url());
    assert_eq!(http().get(url("health")).send().await.unwrap().status(), 200);
    http().post(url("hold")).send().await.unwrap();
    let too_early = http().get(url("wait?calls=1&timeout_ms=1")).send().await.unwrap();
    assert_eq!(too_early.status(), 408);
    let watch = async {
        let waited = json(http().get(url("wait?calls=1&timeout_ms=10000")).send().await.unwrap()).await;
        http().post(url("release")).send().await.unwrap();
        waited
    };
    let (answer, waited) = tokio::join!(call(&simulator, "a.1.1"), watch);
    assert_eq!((answer.status().as_u16(), waited), (200, json!({"calls": 1, "reached": true})));
}

#[tokio::test]
async fn the_log_is_paged_and_cleared() {
    let simulator = start();
    let url = |path: &str| format!("{}/_sim/{path}", simulator.control_url());
    for n in 1..=3 {
        call(&simulator, &format!("job.{n}.1")).await;
    }
    let mut page = json(http().get(url("arrivals?since=1&limit=1")).send().await.unwrap()).await;
    assert_eq!(page["next"], 2);
    let arrivals: Vec<Arrival> = serde_json::from_value(page["arrivals"].take()).unwrap();
    assert_eq!(arrivals, simulator.arrivals()[1..2]);
    assert_eq!((arrivals[0].request_id.as_str(), arrivals[0].job.as_str()), ("job.2.1", "job"));
    let times: Vec<f64> = simulator.arrivals().iter().map(|arrival| arrival.t_ms).collect();
    assert!(times.is_sorted(), "{times:?}");

    let stats: Stats = http().get(url("stats?window_ms=60000")).send().await.unwrap().json().await.unwrap();
    assert_eq!((stats.calls, stats.max_in_window, stats.jobs.max_calls), (3, 3, 3));
    assert_eq!(http().delete(url("arrivals")).send().await.unwrap().status(), 204);
    assert_eq!((simulator.arrivals(), simulator.stats(Duration::from_secs(1)).calls), (vec![], 0));
}

#[tokio::test]
async fn faults_and_settings_change_on_the_fly() {
    let simulator = start();
    let url = |path: &str| format!("{}/_sim/{path}", simulator.control_url());
    let rule = json!({"fault": "unavailable", "count": null, "for_ms": null, "retry_after_ms": null});
    assert_eq!(http().post(url("faults")).json(&rule).send().await.unwrap().status(), 204);
    assert_eq!(call(&simulator, "a.1.1").await.status(), 503);
    assert_eq!(call(&simulator, "a.1.2").await.status(), 503, "until it is cleared");
    http().delete(url("faults")).send().await.unwrap();
    assert_eq!(call(&simulator, "a.1.3").await.status(), 200);
    let unknown = http().post(url("faults")).json(&json!({"fault": "gremlins"})).send().await.unwrap();
    assert!(unknown.status().is_client_error());

    let patch = json!({"rpm": 1, "window_ms": 3_600_000, "token_accounting": "used"});
    let config: Value = json(http().put(url("config")).json(&patch).send().await.unwrap()).await;
    assert_eq!((&config["rpm"], &config["tpm"], &config["token_accounting"]), (&json!(1), &json!(0), &json!("used")));
    assert_eq!(call(&simulator, "a.1.4").await.status(), 200);
    assert_eq!(call(&simulator, "a.1.5").await.status(), 429);
}
