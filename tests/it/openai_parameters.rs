//! The fleet finds out which parameters an upstream accepts, and needs one refused call for each.

use std::process::Output;

use serde_json::Value;
use shared::testing::simulator::{ConfigPatch, ProviderProfile};
use tokio::process::Command;

use crate::harness::{Process, System, chapter, path_of};

/// A system whose upstream is `profile`, with a model that it serves.
async fn system_at(profile: ProviderProfile) -> System {
    let mut system = System::new().await;
    system.simulator.configure(&ConfigPatch { profile: Some(profile), ..ConfigPatch::default() });
    system.set_text("OPENAI_BASE_URL", system.simulator.base_url());
    system.set_text("OPENAI_MODEL", profile.model().to_owned());
    system
}

/// Submits jobs with different texts.
async fn submit(system: &System, api: &Process, numbers: std::ops::Range<usize>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(system.submit(api, &chapter(number, 2)).await);
    }
    ids
}

async fn assert_completed(system: &System, api: &Process, ids: &[String]) {
    for id in ids {
        let job = system.end_of(api, id).await;
        assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
    }
}

fn adaptations(workers: &[Process]) -> usize {
    workers.iter().map(|worker| worker.log().matches("refuses a parameter").count()).sum()
}

/// The JSON document of a command for the upstream's model.
async fn limits(system: &System, words: &str, model: &str) -> Value {
    let mut command = Command::new(path_of("unilingo"));
    command.args(["limits", words, "--json", "--model", model]);
    command.env("REDIS_URL", system.redis.url()).env("QUEUE_PREFIX", "it");
    let output: Output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs 20 jobs; how many calls of the first one were refused.
async fn twenty_jobs(profile: ProviderProfile) -> usize {
    let system = system_at(profile).await;
    let (api, workers) = (system.api().await, [system.worker("a").await, system.worker("b").await]);
    let first = submit(&system, &api, 0..1).await;
    assert_completed(&system, &api, &first).await;
    let refused = system.simulator.calls_of(&first[0]).len() - 1;
    let others = submit(&system, &api, 1..20).await;
    assert_completed(&system, &api, &others).await;
    for id in &others {
        assert_eq!(system.simulator.calls_of(id).len(), 1, "{profile:?}");
    }
    assert_eq!(adaptations(&workers), refused, "{profile:?}: one log line each");
    let bill = system.simulator.bill();
    assert_eq!(bill.calls, 20, "{profile:?}: refused calls cost nothing");
    refused
}

#[tokio::test]
async fn known_upstreams_refuse_nothing() {
    for profile in [ProviderProfile::OpenaiClassic, ProviderProfile::OpenaiReasoning, ProviderProfile::Openrouter] {
        assert_eq!(twenty_jobs(profile).await, 0, "{profile:?}");
    }
}

#[tokio::test]
async fn servers_of_any_model_refuse_nothing() {
    for profile in [ProviderProfile::Mistral, ProviderProfile::Gemini, ProviderProfile::Ollama, ProviderProfile::Vllm] {
        assert_eq!(twenty_jobs(profile).await, 0, "{profile:?}");
    }
}

#[tokio::test]
async fn what_is_refused_costs_the_first_job_one_call() {
    // The cap's name, which a deployment's name does not tell at an address of this machine; Groq's schema.
    for profile in [ProviderProfile::AzureV1, ProviderProfile::AzureClassic, ProviderProfile::Groq] {
        assert_eq!(twenty_jobs(profile).await, 1, "{profile:?}");
    }
}

#[tokio::test]
async fn twenty_refusals_at_once_are_one_adaptation_that_an_operator_sees_and_forgets() {
    let mut system = system_at(ProviderProfile::OpenaiReasoning).await;
    system.set_text("OPENAI_REASONING_EFFORT", "low".to_owned());
    system.set_text("OPENAI_TEMPERATURE", "0.2".to_owned());
    let (api, workers) = (system.api().await, [system.worker("a").await, system.worker("b").await]);
    system.simulator.hold();
    let ids = submit(&system, &api, 0..20).await;
    system.simulator.wait_for_calls(20).await;
    system.simulator.release();
    assert_completed(&system, &api, &ids).await;
    assert_eq!(adaptations(&workers), 1);
    let calls = system.simulator.arrivals();
    assert_eq!((calls.len(), calls.iter().filter(|call| call.status == 400).count()), (40, 20));

    let shown = limits(&system, "show", "gpt-6-luna").await;
    assert_eq!(shown["parameters"][0]["parameters"]["temperature"], "dropped", "{shown}");
    assert_eq!(shown["parameters"][0]["host"], "127.0.0.1");
    assert_eq!(limits(&system, "forget", "gpt-6-luna").await["forgotten"], true);
    assert_eq!(limits(&system, "show", "gpt-6-luna").await["parameters"], Value::Array(Vec::new()));
    let again = submit(&system, &api, 20..21).await;
    assert_completed(&system, &api, &again).await;
    assert_eq!(system.simulator.calls_of(&again[0]).len(), 2, "the setting counts again, and is refused again");
}

#[tokio::test]
async fn an_effort_that_is_refused_rises_to_one_that_is_accepted() {
    let mut system = system_at(ProviderProfile::OpenaiReasoning).await;
    system.set_text("OPENAI_MODEL", "gpt-6.1-sol".to_owned());
    system.set_text("OPENAI_REASONING_EFFORT", "none".to_owned());
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let ids = submit(&system, &api, 0..1).await;
    assert_completed(&system, &api, &ids).await;
    assert_eq!(system.simulator.calls_of(&ids[0]).len(), 2);
    let shown = limits(&system, "show", "gpt-6.1-sol").await;
    assert_eq!(shown["parameters"][0]["parameters"]["reasoning_effort"], "low", "{shown}");
}

#[tokio::test]
async fn a_cap_above_the_models_maximum_is_lowered_for_all() {
    let mut system = system_at(ProviderProfile::OpenaiReasoning).await;
    // A model whose thoughts nobody can estimate gets the whole cap.
    system.set_text("OPENAI_REASONING_EFFORT", "high".to_owned());
    system.set("OPENAI_MAX_OUTPUT_TOKENS", 130_000);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let ids = submit(&system, &api, 0..1).await;
    assert_completed(&system, &api, &ids).await;
    let second = submit(&system, &api, 1..2).await;
    assert_completed(&system, &api, &second).await;
    assert_eq!((system.simulator.calls_of(&ids[0]).len(), system.simulator.calls_of(&second[0]).len()), (2, 1));
    let calls = system.simulator.calls_of(&second[0]);
    assert!((128_000..130_000).contains(&calls[0].reserved_tokens), "{calls:?}");
}

#[tokio::test]
async fn a_cap_that_the_context_has_no_room_for_is_the_jobs_own() {
    let mut system = system_at(ProviderProfile::Vllm).await;
    system.set_text("OPENAI_REASONING_EFFORT", "high".to_owned());
    // With the prompt above the context of 8,192 tokens.
    system.set("OPENAI_MAX_OUTPUT_TOKENS", 8_000);
    let (api, workers) = (system.api().await, [system.worker("a").await]);
    let ids = submit(&system, &api, 0..3).await;
    assert_completed(&system, &api, &ids).await;
    for id in &ids {
        assert_eq!(system.simulator.calls_of(id).len(), 2);
    }
    assert_eq!(adaptations(&workers), 0);
    assert_eq!(limits(&system, "show", "Qwen/Qwen3-8B").await["parameters"], Value::Array(Vec::new()));
}
