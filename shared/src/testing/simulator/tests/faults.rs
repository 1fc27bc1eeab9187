//! Faults, as a client meets them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::client::{TEXT, call, cards, header, json, post, request, start};
use crate::testing::simulator::{Fault, FaultRule};

#[tokio::test]
async fn errors_are_worded_as_openai_does() {
    let simulator = start();
    let cases = [
        (Fault::RateLimit, 429, "requests", json!("rate_limit_exceeded")),
        (Fault::InsufficientQuota, 429, "insufficient_quota", json!("insufficient_quota")),
        (Fault::Unauthorized, 401, "invalid_request_error", json!("invalid_api_key")),
        (Fault::Forbidden, 403, "invalid_request_error", json!("unsupported_country_region_territory")),
        (Fault::BadRequest, 400, "invalid_request_error", Value::Null),
        (Fault::ServerError, 500, "server_error", Value::Null),
        (Fault::Unavailable, 503, "service_unavailable", Value::Null),
    ];
    for (fault, status, kind, code) in cases {
        simulator.fail_next(fault, 1);
        let response = call(&simulator, "a.1.1").await;
        assert_eq!(response.status(), status, "{fault:?}");
        let error = json(response).await["error"].take();
        assert_eq!((&error["type"], &error["code"]), (&json!(kind), &code), "{fault:?}");
    }
    assert_eq!(call(&simulator, "a.1.1").await.status(), 200);
    let faults: Vec<_> = simulator.arrivals().into_iter().filter_map(|arrival| arrival.fault).collect();
    assert_eq!(faults, cases_in_order());
}

fn cases_in_order() -> [Fault; 7] {
    use Fault::{BadRequest, Forbidden, InsufficientQuota, RateLimit, ServerError, Unauthorized, Unavailable};
    [RateLimit, InsufficientQuota, Unauthorized, Forbidden, BadRequest, ServerError, Unavailable]
}

#[tokio::test]
async fn retry_after_says_what_the_rule_says() {
    let simulator = start();
    let rule = FaultRule { count: Some(1), retry_after_ms: Some(2_500), ..FaultRule::new(Fault::RateLimit) };
    simulator.inject(rule);
    let response = call(&simulator, "a.1.1").await;
    assert_eq!((header(&response, "retry-after"), header(&response, "retry-after-ms")), (Some("3"), Some("2500")));
}

#[tokio::test]
async fn bad_answers_come_with_a_good_status() {
    let simulator = start();
    let answer = async |fault| {
        simulator.fail_next(fault, 1);
        let response = call(&simulator, "a.1.1").await;
        assert_eq!(response.status(), 200, "{fault:?}");
        response.text().await.unwrap()
    };
    let completion = async |fault| serde_json::from_str::<Value>(&answer(fault).await).unwrap();
    let is_json = |completion: &Value| {
        let content = completion["choices"][0]["message"]["content"].as_str().unwrap();
        serde_json::from_str::<Value>(content).is_ok()
    };

    let refused = completion(Fault::Refusal).await["choices"][0]["message"].take();
    assert!(refused["refusal"].is_string() && refused["content"].is_null(), "{refused}");
    let cut = completion(Fault::CutOff).await;
    assert!(!is_json(&cut) && cut["choices"][0]["finish_reason"] == "length", "{cut}");
    let malformed = completion(Fault::MalformedJson).await;
    assert!(!is_json(&malformed) && malformed["choices"][0]["finish_reason"] == "stop", "{malformed}");
    assert!(serde_json::from_str::<Value>(&answer(Fault::MalformedBody).await).is_err());
    assert_eq!(completion(Fault::Empty).await["choices"][0]["message"]["content"], "");
    assert_eq!(cards(&completion(Fault::FewCards).await).len(), 2);
    let invalid = cards(&completion(Fault::InvalidCards).await);
    assert!(invalid.len() >= 10);
    for card in invalid {
        let front = card["front"].as_str().unwrap();
        assert!(!card["example"].as_str().unwrap().contains(front) && !TEXT.contains(front), "{card}");
    }
}

#[tokio::test]
async fn a_gateway_answers_with_a_page() {
    let simulator = start();
    simulator.fail_next(Fault::HtmlError, 1);
    let response = call(&simulator, "a.1.1").await;
    assert_eq!(response.status(), 502);
    assert_eq!(header(&response, "content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_dropped_call_gets_not_one_byte() {
    let simulator = start();
    simulator.fail_next(Fault::Drop, 2);
    let body = request(&json!({}), &json!({}));
    let error = post(&simulator, "a.1.1", &body).send().await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");

    let address = simulator.control_url();
    let mut socket = TcpStream::connect(address.strip_prefix("http://").unwrap()).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of the connection may come as a reset.
    let _ = socket.read_to_end(&mut answer).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(simulator.arrivals().iter().map(|arrival| arrival.status).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(call(&simulator, "a.1.2").await.status(), 200);
}

#[tokio::test]
async fn a_stalled_call_ends_with_its_client() {
    let simulator = start();
    simulator.fail_for(Fault::Stall, Duration::from_mins(10));
    let body = request(&json!({}), &json!({}));
    let error = post(&simulator, "a.1.1", &body).timeout(Duration::from_millis(50)).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    simulator.clear_faults();
    assert_eq!(call(&simulator, "a.1.2").await.status(), 200);
    assert_eq!(simulator.calls_of("a").iter().map(|arrival| arrival.status).collect::<Vec<_>>(), [0, 200]);
}

#[tokio::test]
async fn stopping_ends_calls_that_wait() {
    let simulator = start();
    simulator.fail_next(Fault::Stall, 1);
    let (base, body) = (post(&simulator, "a.1.1", &request(&json!({}), &json!({}))), simulator.base_url());
    let waiting = async {
        simulator.wait_for_calls(1).await;
        simulator.stop().await;
    };
    let (answer, ()) = tokio::join!(base.send(), waiting);
    assert!(answer.unwrap_err().is_request());
    assert!(super::client::http().get(body).send().await.unwrap_err().is_connect());
}
