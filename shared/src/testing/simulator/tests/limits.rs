//! Rate limits, as a client meets them. What happens at the edges of a window is tested in `limits.rs`, without a clock.

use serde_json::json;

use super::client::{call, header, json, post, request, start_with};
use crate::{
    limiter::TokenAccounting,
    testing::simulator::{ConfigPatch, Fault, SimulatorConfig},
};

fn limited(rpm: u64, tpm: u64) -> SimulatorConfig {
    SimulatorConfig { rpm, tpm, ..SimulatorConfig::default() }
}

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    let simulator = start_with(limited(2, 0));
    let first = call(&simulator, "a.1.1").await;
    assert_eq!(header(&first, "x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(header(&first, "x-ratelimit-remaining-requests"), Some("1"));
    assert_eq!(header(&first, "x-ratelimit-reset-requests"), Some("1m0s"));
    assert_eq!(header(&first, "x-ratelimit-limit-tokens"), None, "that limit is off");
    call(&simulator, "a.1.2").await;
    let refused = call(&simulator, "a.1.3").await;
    assert_eq!(refused.status(), 429);
    let wait_ms: u64 = header(&refused, "retry-after-ms").unwrap().parse().unwrap();
    let wait: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&wait_ms) && wait == wait_ms.div_ceil(1_000), "{wait} {wait_ms}");
    let error = json(refused).await["error"].take();
    assert_eq!((&error["type"], &error["code"]), (&json!("requests"), &json!("rate_limit_exceeded")));
    assert_eq!(simulator.arrivals()[2].fault, None, "nobody injected it");
}

#[tokio::test]
async fn every_key_has_its_own_window() {
    let simulator = start_with(limited(1, 0));
    let body = request(&json!({}), &json!({}));
    assert_eq!(call(&simulator, "a.1.1").await.status(), 200);
    assert_eq!(call(&simulator, "a.1.2").await.status(), 429);
    let other = post(&simulator, "a.1.3", &body)
        .headers([(http::header::AUTHORIZATION, "Bearer other".parse().unwrap())].into_iter().collect());
    assert_eq!(other.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn reserved_tokens_count_whole_and_used_ones_as_they_are() {
    // One reservation is a good 4,096 tokens, one real use about 1,000.
    for (accounting, second) in [(TokenAccounting::Reserved, 429), (TokenAccounting::Used, 200)] {
        let simulator = start_with(SimulatorConfig { token_accounting: accounting, ..limited(0, 6_000) });
        assert_eq!(call(&simulator, "a.1.1").await.status(), 200);
        let response = call(&simulator, "a.1.2").await;
        assert_eq!(response.status(), second, "{accounting:?}");
        if second == 429 {
            assert_eq!(json(response).await["error"]["type"], "tokens");
        }
    }
}

#[tokio::test]
async fn refusals_and_faults_at_the_door_do_not_count() {
    let simulator = start_with(limited(1, 0));
    simulator.fail_next(Fault::RateLimit, 1);
    assert_eq!(call(&simulator, "a.1.1").await.status(), 429);
    simulator.fail_next(Fault::ServerError, 1);
    assert_eq!(call(&simulator, "a.1.2").await.status(), 500, "this one counts");
    simulator.fail_next(Fault::Drop, 1);
    assert_eq!(call(&simulator, "a.1.3").await.status(), 429, "the limit comes before the fault");
    simulator.configure(&ConfigPatch { rpm: Some(0), ..ConfigPatch::default() });
    simulator.clear_faults();
    assert_eq!(call(&simulator, "a.1.4").await.status(), 200);
}

#[tokio::test]
async fn headers_can_be_switched_off() {
    let simulator = start_with(SimulatorConfig { rate_headers: false, ..limited(5, 100_000) });
    let response = call(&simulator, "a.1.1").await;
    assert!(!response.headers().keys().any(|name| name.as_str().starts_with("x-ratelimit")));
}
