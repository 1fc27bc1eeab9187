//! One retry layer: how many calls a job costs, whatever the upstream does.

use serde_json::Value;
use shared::testing::simulator::{Fault, FaultRule};

use crate::harness::{System, chapter};

/// Runs one job against an upstream with `fault` for so many calls (`None`: always); the job and its calls.
async fn run(fault: Fault, count: Option<u32>) -> (Value, usize) {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.inject(FaultRule { count, retry_after_ms: Some(50), ..FaultRule::new(fault) });
    let id = system.submit(&api, &chapter(1, 3)).await;
    let job = system.end_of(&api, &id).await;
    (job, system.simulator.calls_of(&id).len())
}

fn ended(job: &Value) -> (&str, &str, u64) {
    let code = job["error"]["code"].as_str().unwrap_or_default();
    (job["state"].as_str().unwrap(), code, job["attempts"].as_u64().unwrap())
}

#[tokio::test]
async fn a_lasting_500_costs_a_call_an_attempt() {
    let (job, calls) = run(Fault::ServerError, None).await;
    assert_eq!((ended(&job), calls), (("failed", "openai_unavailable", 3), 3));
}

#[tokio::test]
async fn a_400_is_the_jobs_own_failure_and_costs_one_call() {
    let (job, calls) = run(Fault::BadRequest, None).await;
    assert_eq!((ended(&job), calls), (("failed", "openai_rejected_request", 1), 1));
}

#[tokio::test]
async fn a_refusal_costs_one_call() {
    let (job, calls) = run(Fault::Refusal, None).await;
    assert_eq!((ended(&job), calls), (("failed", "openai_refused", 1), 1));
}

#[tokio::test]
async fn cards_that_are_always_wrong_cost_two_calls_an_attempt_and_the_error_names_what_was_wrong() {
    let (job, calls) = run(Fault::InvalidCards, None).await;
    assert_eq!((ended(&job), calls), (("failed", "invalid_cards", 3), 6));
    assert!(job["error"]["message"].as_str().unwrap().contains("example_lacks_front"), "{job}");
}

#[tokio::test]
async fn too_few_cards_are_asked_for_once_more() {
    let (job, calls) = run(Fault::FewCards, Some(1)).await;
    assert_eq!((ended(&job), calls), (("completed", "", 1), 2));
}

#[tokio::test]
async fn too_few_cards_after_that_are_the_result() {
    let (job, calls) = run(Fault::FewCards, None).await;
    assert_eq!((ended(&job), calls), (("completed", "", 1), 2));
    let (requested, returned) = (&job["result"]["requested"], &job["result"]["returned"]);
    assert!(returned.as_u64().unwrap() < requested.as_u64().unwrap(), "{returned} of {requested}");
    assert_eq!(returned.as_u64().unwrap(), crate::harness::cards(&job).len() as u64);
}

#[tokio::test]
async fn an_ordinary_429_uses_no_attempt() {
    let (job, calls) = run(Fault::RateLimit, Some(2)).await;
    assert_eq!((ended(&job), calls), (("completed", "", 1), 3));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for fault in [Fault::Unavailable, Fault::HtmlError, Fault::Drop, Fault::CutOff] {
        let (job, calls) = run(fault, Some(1)).await;
        assert_eq!((ended(&job), calls), (("completed", "", 2), 2), "{fault:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_paid_and_counted() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.fail_next(Fault::CutOff, 1);
    let id = system.submit(&api, &chapter(1, 3)).await;
    let job = system.end_of(&api, &id).await;
    let calls = system.simulator.calls_of(&id);
    let paid: u32 = calls.iter().map(|call| call.used_tokens).sum();
    assert!(calls.len() == 2 && calls[0].used_tokens > 0, "{calls:?}");
    assert_eq!(job["result"]["tokenUsage"], paid, "{job}");
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_repaired() {
    let (job, calls) = run(Fault::MalformedJson, Some(1)).await;
    assert_eq!((ended(&job), calls), (("completed", "", 1), 2));
}
